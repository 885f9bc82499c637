//! Whom an action means, and whether it is possible now.
//!
//! Must not change anything: the answer is for the asker, or for the decision that follows.

use super::{
    add::possible, answer::resolve_answer, open, park, retry::resolve_retry, review, rollback,
    settle, swap::resolve_swap, tell,
};
use crate::{
    engine::{Action, HoldBy, MergeStage, Owner, PhaseStatus, State, Status, Target},
    plan::{AgentIx, Mode},
};

/// Why an action is not possible now; `Display` is the sentence for the asker.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No such agent, track, phase or wave.
    #[error("no {what} `{name}` in this run")]
    Unknown {
        /// `agent`, `track`, `phase` or `wave`.
        what: &'static str,
        /// As asked.
        name: String,
    },
    /// It would change nothing, or is not possible in the present state.
    #[error("{0}")]
    NotNow(String),
}

/// An action with whom it means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// The action, with defaults filled in.
    pub action: Action,
    /// The agents it concerns, in plan order.
    pub agents: Vec<AgentIx>,
    /// The phases and cohorts whose gates it concerns, each in plan order.
    pub gates: Vec<Owner>,
}

/// Finds whom an action means, and refuses what is not possible now.
///
/// # Errors
/// A [`Refusal`] that says why and, where there is one, what to do instead.
pub fn resolve(state: &State, action: &Action) -> Result<Resolved, Refusal> {
    if state.finished.is_some() {
        return Err(Refusal::NotNow("the run has ended".to_owned()));
    }
    let plain = |agents: Vec<AgentIx>| {
        Ok(Resolved {
            action: action.clone(),
            agents,
            gates: Vec::new(),
        })
    };
    let with_gates = |agents: Vec<AgentIx>, gates: Vec<Owner>, why: String| {
        if agents.is_empty() && gates.is_empty() {
            return Err(Refusal::NotNow(why));
        }
        Ok(Resolved {
            action: action.clone(),
            agents,
            gates,
        })
    };
    match action {
        Action::Pause { target } => {
            let open: Vec<AgentIx> = members(state, target)?
                .into_iter()
                .filter(|&ix| {
                    let a = state.agent(ix);
                    !a.status.is_final() && a.hold != Some(HoldBy::Operator)
                })
                .collect();
            let gates = gates_of(state, target)
                .filter(|&owner| state.hold_of(owner) != Some(HoldBy::Operator))
                .collect();
            with_gates(open, gates, format!("{target}: nothing left to pause"))
        }
        Action::Resume { target } => {
            let held: Vec<AgentIx> = members(state, target)?
                .into_iter()
                .filter(|&ix| state.agent(ix).hold.is_some())
                .collect();
            // Who lets an agent of a phase go on wants its gates to follow.
            let concerned = |owner: &Owner| {
                state.hold_of(*owner).is_some()
                    && (matches!(target, Target::All)
                        || gates_of(state, target).any(|gate| gate == *owner)
                        || held
                            .iter()
                            .any(|agent| state.setup.members_of(*owner).contains(agent)))
            };
            let gates = gates_of(state, &Target::All).filter(concerned).collect();
            with_gates(held, gates, format!("{target} is not paused"))
        }
        Action::Park { target } => park::parkable(state, target).and_then(plain),
        Action::Pin { agent, on } => {
            park::pinnable(state, agent, *on).and_then(|ix| plain(vec![ix]))
        }
        Action::Stop { target: None } => match state.stopping {
            Some(_) => Err(Refusal::NotNow("the run is stopping already".to_owned())),
            None => plain(Vec::new()),
        },
        Action::Stop {
            target: Some(target),
        } => {
            let mut open = members(state, target)?;
            open.retain(|&ix| !state.agent(ix).status.is_final());
            let any = !open.is_empty();
            // What goes into the head just now cannot be called back.
            open.retain(|&ix| !advancing(state, ix));
            nonempty(open, || {
                let why = if is_run(state, target) {
                    return "`stop` without a name stops the run".to_owned();
                } else if any {
                    "is being merged just now"
                } else {
                    "has ended already"
                };
                format!("{target} {why}")
            })
            .and_then(plain)
        }
        Action::Retry { target } => resolve_retry(state, target).and_then(plain),
        Action::Mode { mode } => {
            if *mode == state.mode {
                return Err(Refusal::NotNow(format!(
                    "the mode is {} already",
                    crate::engine::mode_name(*mode)
                )));
            }
            plain(Vec::new())
        }
        Action::Sequential { now } => {
            let (agents, gates) = others(state);
            let moves = !agents.is_empty() || !gates.is_empty();
            if state.mode == Mode::Sequential && !(*now && moves) {
                return Err(Refusal::NotNow("the run is sequential already".to_owned()));
            }
            let (agents, gates) = if *now {
                (agents, gates)
            } else {
                <_>::default()
            };
            Ok(Resolved {
                action: action.clone(),
                agents,
                gates,
            })
        }
        Action::Swap { agent, worker } => resolve_swap(state, agent, worker.as_deref()),
        Action::Answer {
            id,
            answer,
            text,
            url,
        } => resolve_answer(state, *id, *answer, (text.as_deref(), url.as_deref())).and_then(plain),
        Action::Choose {
            conflict,
            file,
            hunk,
            pick,
        } => settle::choose(state, *conflict, file.as_deref(), hunk.as_deref(), pick)
            .and_then(|ix| plain(vec![ix])),
        Action::Undo { conflict } => settle::undo(state, *conflict).and_then(|ix| plain(vec![ix])),
        Action::Settle {
            conflict,
            how,
            note,
        } => {
            let ix = settle::open(state, *conflict)?;
            settle::possible(state, ix, *how)?;
            settle::noted(note.as_deref())?;
            plain(vec![ix])
        }
        Action::Comment {
            agent, file, text, ..
        } => review::comment(state, find(state, agent)?, file, text).and_then(|ix| plain(vec![ix])),
        Action::Tell { agent, text, now } => {
            tell::possible(state, find(state, agent)?, text, *now).and_then(|ix| plain(vec![ix]))
        }
        Action::Open { agent, now } => {
            open::possible(state, find(state, agent)?, *now).and_then(plain)
        }
        Action::Close { agent } => {
            open::can_close(state, find(state, agent)?).and_then(|ix| plain(vec![ix]))
        }
        Action::SendBack { agent } => {
            review::send_back(state, find(state, agent)?).and_then(|ix| plain(vec![ix]))
        }
        Action::Rollback { wave } => rollback::concerned(state, *wave).and_then(plain),
        Action::Add { .. } => possible(state).and_then(plain),
        Action::Agents { cap } => {
            if *cap == 0 {
                return Err(Refusal::NotNow(
                    "at least 1 agent must be able to run; `pause all` holds all".into(),
                ));
            }
            if *cap == state.agents_cap {
                return Err(Refusal::NotNow(format!("the cap is {cap} already")));
            }
            plain(Vec::new())
        }
    }
}

/// Whether the head goes forward to an agent's work.
fn advancing(state: &State, ix: AgentIx) -> bool {
    let merge = state.merges.now.as_ref();
    merge.is_some_and(|now| now.agent == ix && now.stage == MergeStage::Advancing)
}

pub(super) fn nonempty(
    agents: Vec<AgentIx>,
    why: impl FnOnce() -> String,
) -> Result<Vec<AgentIx>, Refusal> {
    if agents.is_empty() {
        Err(Refusal::NotNow(why()))
    } else {
        Ok(agents)
    }
}

/// The agents of a target in plan order; an agent with sub-agents means them too.
pub(super) fn members(state: &State, target: &Target) -> Result<Vec<AgentIx>, Refusal> {
    let plan = &state.setup.plan;
    Ok(match target {
        Target::All => plan.indices().collect(),
        _ if is_run(state, target) => Vec::new(),
        Target::Run => Vec::new(),
        Target::Wave(wave) => {
            if *wave == 0 || *wave as usize > state.setup.wave_sizes.len() {
                return Err(Refusal::Unknown {
                    what: "wave",
                    name: wave.to_string(),
                });
            }
            let of_wave = |ix: &AgentIx| state.setup.wave(*ix) == *wave;
            plan.indices().filter(of_wave).collect()
        }
        Target::Agent(id) => {
            let ix = find(state, id)?;
            let mut all = vec![ix];
            let mut next = 0;
            while next < all.len() {
                all.extend(&state.setup.children[all[next].ix()]);
                next += 1;
            }
            all.sort_unstable();
            all
        }
        Target::Track(id) => {
            let track = plan
                .tracks
                .iter()
                .position(|t| t.id == *id)
                .ok_or_else(|| Refusal::Unknown {
                    what: "track",
                    name: id.clone(),
                })?;
            plan.indices()
                .filter(|&ix| plan.agent(ix).track.is_some_and(|t| t.ix() == track))
                .collect()
        }
        Target::Phase(id) => {
            let phase = state.phase_ix(id).ok_or_else(|| Refusal::Unknown {
                what: "phase",
                name: id.clone(),
            })?;
            state.setup.members[phase.ix()].clone()
        }
    })
}

pub(super) fn find(state: &State, id: &str) -> Result<AgentIx, Refusal> {
    state.find(&id.into()).ok_or_else(|| Refusal::Unknown {
        what: "agent",
        name: id.to_owned(),
    })
}

/// Whether a target means the gates of the run: an agent of that name comes first.
pub(super) fn is_run(state: &State, target: &Target) -> bool {
    match target {
        Target::Run => true,
        Target::Agent(id) => id == "run" && state.find(&id.as_str().into()).is_none(),
        _ => false,
    }
}

/// Whose gates a target names beside its agents.
fn gates_named(state: &State, target: &Target) -> Option<Owner> {
    match target {
        Target::Phase(id) => state.phase_ix(id).map(Owner::Phase),
        _ if is_run(state, target) => state.setup.cohort_ix("run").map(Owner::Cohort),
        Target::Agent(_) | Target::All | Target::Run => None,
        Target::Track(_) | Target::Wave(_) => state
            .setup
            .cohort_ix(&target.to_string())
            .map(Owner::Cohort),
    }
}

/// The phases and cohorts of a target that have gates which have not passed or failed yet.
fn gates_of(state: &State, target: &Target) -> impl Iterator<Item = Owner> {
    let all = matches!(target, Target::All);
    let named = gates_named(state, target);
    state
        .setup
        .gated()
        .filter(move |owner| all || named == Some(*owner))
        .filter(|&owner| {
            let open = |status| !matches!(status, PhaseStatus::Completed | PhaseStatus::Failed);
            state.gates_of(owner).is_some_and(|g| open(g.status))
                && !state.setup.checks_of(owner).is_empty()
        })
}

/// Whose red gates a retry of a target means: those that the target names.
pub(super) fn red_gates(state: &State, target: &Target) -> Option<Owner> {
    let owner = gates_named(state, target)?;
    let gates = state.gates_of(owner)?;
    (gates.status == PhaseStatus::Failed && gates.gate_red).then_some(owner)
}

/// Whatever moves but the one that goes on: agents in the order of starting come before checks of
/// agents, these before gates over more than one. What is being ended does not count.
fn others(state: &State) -> (Vec<AgentIx>, Vec<Owner>) {
    let moving_check = |owner| {
        state
            .check_of(owner)
            .is_some_and(|check| check.holds_slot() && check.ending.is_none())
    };
    let mut moving: Vec<_> = state
        .setup
        .plan
        .indices()
        .filter_map(|ix| {
            let agent = state.agent(ix);
            let own = (agent.status == Status::Running || agent.status.is_starting())
                && agent.live.as_ref().is_some_and(|l| l.ending.is_none());
            (own || moving_check(Owner::Agent(ix))).then(|| (!own, state.rank(ix)))
        })
        .collect();
    moving.sort_unstable();
    let keep = usize::from(!moving.is_empty());
    let mut agents: Vec<AgentIx> = moving[keep..].iter().map(|(_, rank)| rank.agent).collect();
    agents.sort_unstable();
    let gates = state.setup.gated();
    let gates = gates.filter(|&owner| moving_check(owner));
    (agents, gates.skip(1 - keep).collect())
}
