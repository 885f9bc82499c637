//! Work that comes together: one merge at a time, onto the head, and nothing passes a check on the way.
//! Told from the journal alone.

use std::collections::{BTreeMap, BTreeSet};

use wavedeck::{
    engine::{
        Action, Answer, AttentionKind, CheckPlace, Event, MergeOutcome, Owner, Pick, Purpose,
        Record, Settle, Setup, StoppedBy, Strategy, SyncPoint, WorkEvent,
    },
    plan::{AgentId, AgentIx, NeedKind, PhaseIx, Workspace},
};

use super::check::begun_with;

/// The present attempt of an agent.
/// The commit of an attempt, if it changed anything.
type Commit = Option<String>;

#[derive(Debug, Clone, Default)]
struct Attempt {
    number: u32,
    /// Merges that were in the head when it was admitted, and that head.
    seen: usize,
    base: String,
    /// The same of the attempt before, whose workspace it may go on in.
    home: (usize, String),
    /// What was collected; its commit, if it changed anything.
    collected: Option<Commit>,
    /// Facts that its hand-off states and no person overruled.
    facts: BTreeMap<String, String>,
    /// A machine saw that it must not be merged.
    bad: bool,
    /// Gates that passed.
    passed: BTreeSet<String>,
    /// In line for its merge.
    queued: bool,
    merged: bool,
}

#[derive(Debug, Clone, Default)]
struct Agent {
    attempt: Attempt,
    done: bool,
    held: bool,
    blocked: bool,
    conflict: Option<u32>,
}

/// A conflict, as far as facts are concerned.
#[derive(Debug, Clone, Default)]
struct Clash {
    with: Vec<AgentIx>,
    about_facts: bool,
    picks: Vec<Pick>,
    /// A person said that the choices are complete.
    settled: bool,
}

/// The merge that is on.
#[derive(Debug, Clone)]
struct Now {
    number: u32,
    agent: AgentIx,
    outcome: Option<MergeOutcome>,
    advancing: bool,
    conflict: bool,
    /// Commands that were green on its result; none: they did not begin.
    green: Option<BTreeSet<u32>>,
    /// Rules' commands have run for it.
    commanded: bool,
}

#[derive(Debug, Default)]
pub struct Merges {
    base: String,
    /// Agents that were added so far.
    added: usize,
    /// Merges in the head.
    heads: Vec<(AgentIx, String)>,
    agents: BTreeMap<AgentIx, Agent>,
    now: Option<Now>,
    last: u32,
    last_conflict: u32,
    conflicts: BTreeMap<u32, Clash>,
    stopping: bool,
    guard_lost: bool,
    degraded: bool,
    /// Who must be done again before anything else starts.
    again: BTreeSet<AgentId>,
    back: Option<(String, Vec<AgentId>)>,
    checkout: Option<(String, usize)>,
    /// Somebody or something has yet to take the work that was handed over.
    pub left: bool,
    /// A person has agreed that their branch goes forward.
    agreed: bool,
    /// Synchronisation points that are on, and the number of the last one.
    syncs: BTreeMap<u32, SyncPoint>,
    last_sync: u32,
    /// Merges that were in the head when the checks of an owner began.
    rounds: BTreeMap<(Option<AgentId>, Option<String>), usize>,
}

/// Whether it is the command of a merge rule: numbered after the agent's own.
pub fn of_a_rule(setup: &Setup, place: &CheckPlace) -> bool {
    let agent = place.agent.as_ref();
    let own = agent.map(|agent| setup.checks_of(Owner::Agent(setup.by_id[agent])).len());
    own.is_some_and(|own| place.step as usize >= own)
}

fn whose(place: &CheckPlace) -> (Option<AgentId>, Option<String>) {
    // No phase has a colon in its name; `run` is set apart by one.
    let cohort = place.cohort.as_ref().map(|name| format!("{name}:"));
    (place.agent.clone(), place.phase.clone().or(cohort))
}

impl Merges {
    /// Takes one record; says what is wrong with it.
    pub fn step(&mut self, setup: &Setup, record: &Record) -> Option<String> {
        if let Event::Work(work) = &record.event
            && let WorkEvent::Extended(by) = &**work
        {
            self.added += by.agents.len();
        }
        self.take(setup, &record.event).err()
    }

    /// Whether the work of an agent is being merged.
    pub fn is_on(&self, ix: AgentIx) -> bool {
        self.now.as_ref().is_some_and(|now| now.agent == ix)
    }

    fn head(&self) -> &str {
        self.heads.last().map_or(&self.base, |(_, commit)| commit)
    }

    fn agent(&mut self, setup: &Setup, id: &AgentId) -> &mut Agent {
        self.agents.entry(setup.by_id[id]).or_default()
    }

    fn now(&mut self, number: u32) -> Result<&mut Now, String> {
        let now = self.now.as_mut().filter(|now| now.number == number);
        now.ok_or_else(|| "not the merge that is on".to_owned())
    }

    fn take(&mut self, setup: &Setup, event: &Event) -> Result<(), String> {
        match event {
            Event::RunStarted { base_commit, .. } => {
                self.base = base_commit.clone().unwrap_or_default();
            }
            Event::RunStopped { by } => {
                self.stopping = true;
                self.guard_lost = *by == StoppedBy::GuardLost;
            }
            Event::RunDegraded { error } => self.degraded = error.is_some(),
            Event::RunResumed { .. } => {
                self.degraded = false;
                self.stopping &= !self.guard_lost;
            }
            Event::RunFinished { .. } => return self.end(setup),
            Event::OperatorAction { action, agents, .. } => {
                let hold = match action {
                    Action::Pause { .. } => true,
                    Action::Resume { .. } => false,
                    _ => {
                        self.chosen(action);
                        return Ok(());
                    }
                };
                for id in agents {
                    self.agent(setup, id).held = hold;
                }
            }
            Event::AgentScheduled { agent, attempt, .. } => {
                self.starts()?;
                self.needs_merged(setup, agent)?;
                let (seen, base) = (self.heads.len(), self.head().to_owned());
                let state = self.agent(setup, agent);
                state.done = false;
                state.blocked = false;
                state.attempt = Attempt {
                    number: *attempt,
                    seen,
                    base,
                    home: std::mem::take(&mut state.attempt.home),
                    ..Attempt::default()
                };
            }
            Event::AgentThawed { .. } => self.starts()?,
            Event::AgentChecking { agent, .. } => {
                let round = (Some(agent.clone()), None);
                self.rounds.insert(round, self.heads.len());
                let ix = setup.by_id[agent];
                match self.now.as_mut().filter(|now| now.agent == ix) {
                    Some(now) => now.green = Some(BTreeSet::new()),
                    None => self.agent(setup, agent).attempt.passed.clear(),
                }
            }
            Event::PhaseChecking { .. } | Event::CohortChecking { .. } => {
                let round = match event {
                    Event::PhaseChecking { phase, .. } => (None, Some(phase.clone())),
                    Event::CohortChecking { cohort, .. } => (None, Some(format!("{cohort}:"))),
                    _ => unreachable!(),
                };
                self.rounds.insert(round, self.heads.len());
            }
            Event::CheckScheduled { place, .. } => {
                self.starts()?;
                self.checked_out(setup, place)?;
            }
            Event::CheckEnded { place, exit, .. } => {
                let judges = place.purpose != Purpose::Base;
                if let (Some(agent), true) = (&place.agent, exit.ok() && judges) {
                    let ix = setup.by_id[agent];
                    let now = self.now.as_mut().filter(|now| now.agent == ix);
                    if let Some(green) = now.and_then(|now| now.green.as_mut()) {
                        green.insert(place.step);
                    }
                }
            }
            Event::AttentionAnswered(answered)
                if answered.attention == AttentionKind::Deliver && answered.answer.is_some() =>
            {
                self.agreed = answered.answer == Some(Answer::Yes);
                self.left = false;
            }
            Event::AttentionAnswered(answered) if answered.answer == Some(Answer::Settle) => {
                let agent = answered.agent.as_ref().ok_or("nobody's conflict")?;
                let open = self.agent(setup, agent).conflict;
                let clash = open.and_then(|id| self.conflicts.get_mut(&id));
                clash.ok_or("settles what is not open")?.settled = true;
            }
            Event::GatePassed { place, .. } => {
                if let Some(agent) = &place.agent {
                    let passed = &mut self.agent(setup, agent).attempt.passed;
                    passed.insert(place.gate.clone());
                }
            }
            Event::AgentRetrying { agent, .. } => {
                self.again.remove(agent);
                self.left(setup, agent)?;
                let state = self.agent(setup, agent);
                (state.done, state.blocked) = (false, false);
                state.attempt.queued = false;
            }
            Event::AgentJoining { agent } => {
                self.again.remove(agent);
                // Somebody has tried its parts again meanwhile: its own work stays, so it need not join twice.
                if let Some((_, all)) = &mut self.back {
                    all.retain(|id| id != agent);
                }
                self.agent(setup, agent).done = false;
            }
            Event::AgentBlocked { agent, .. } => {
                let ix = setup.by_id[agent];
                if self.now.as_ref().is_some_and(|now| now.agent == ix) {
                    return Err("blocked while it is merged".to_owned());
                }
                let state = self.agent(setup, agent);
                state.blocked = true;
                state.attempt.queued = false;
            }
            Event::AgentStopped { agent, .. } | Event::AgentFailed { agent, .. } => {
                self.left(setup, agent)?;
                let state = self.agent(setup, agent);
                (state.held, state.blocked) = (false, false);
                state.attempt.queued = false;
            }
            Event::AgentSkipped { agent, .. } => {
                let state = self.agent(setup, agent);
                (state.held, state.blocked) = (false, false);
            }
            Event::AgentCompleted { agent, .. } => {
                self.left(setup, agent)?;
                let own = setup.own(setup.by_id[agent]);
                let state = self.agent(setup, agent);
                (state.held, state.done) = (false, true);
                match &state.attempt.collected {
                    None if own => return Err("done, and nothing was collected".to_owned()),
                    Some(Some(_)) if !state.attempt.merged => {
                        return Err("done, and not merged".to_owned());
                    }
                    _ => {}
                }
                let own = state.attempt.clone();
                let mut others = self.agents.values().filter(|a| a.done);
                if others.any(|other| differ(&own.facts, &other.attempt.facts).next().is_some()) {
                    return Err("done, and its hand-off contradicts another".to_owned());
                }
            }
            Event::Work(work) => return self.work(setup, work),
            _ => {}
        }
        Ok(())
    }

    /// A person's choice in a conflict.
    fn chosen(&mut self, action: &Action) {
        let (Action::Choose { conflict, .. }
        | Action::Undo { conflict }
        | Action::Settle {
            conflict,
            how: Settle::Chosen,
            ..
        }) = action
        else {
            return;
        };
        let Some(clash) = self.conflicts.get_mut(conflict) else {
            return;
        };
        match action {
            Action::Choose { pick, .. } => clash.picks.push(pick.clone()),
            Action::Undo { .. } => drop(clash.picks.pop()),
            _ => clash.settled = true,
        }
    }

    /// What of two facts a person did not take is nobody's any more.
    fn overruled(&mut self, ix: AgentIx, clash: &Clash) {
        let own = self.agents[&ix].attempt.facts.clone();
        let ours = clash.picks.last() == Some(&Pick::Ours);
        for other in &clash.with {
            let known = self.agents[other].attempt.facts.clone();
            let loser = if ours { ix } else { *other };
            let facts = &mut self.agents.entry(loser).or_default().attempt.facts;
            for key in differ(&own, &known) {
                facts.remove(key);
            }
        }
    }

    /// Nothing starts while a roll-back is on.
    fn starts(&self) -> Result<(), String> {
        if self.back.is_some() || !self.again.is_empty() {
            return Err(format!("a start before {:?} are done again", self.again));
        }
        Ok(())
    }

    /// Nothing of an agent that begins anew or ends is left behind.
    fn left(&mut self, setup: &Setup, agent: &AgentId) -> Result<(), String> {
        let ix = setup.by_id[agent];
        if self.now.as_ref().is_some_and(|now| now.agent == ix) {
            return Err("its merge is still on".to_owned());
        }
        match self.agent(setup, agent).conflict {
            Some(id) => Err(format!("its conflict {id} is open")),
            None => Ok(()),
        }
    }

    /// Whoever starts stands on all that it needs.
    fn needs_merged(&mut self, setup: &Setup, agent: &AgentId) -> Result<(), String> {
        let needs = &setup.plan.agent(setup.by_id[agent]).needs;
        for need in needs.iter().filter(|need| need.kind == NeedKind::Hard) {
            let from = self.agents.entry(need.agent).or_default();
            let attempt = &from.attempt;
            if from.done && matches!(attempt.collected, Some(Some(_))) && !attempt.merged {
                let id = &setup.plan.agent(need.agent).id;
                return Err(format!("starts without the work of {id}"));
            }
        }
        Ok(())
    }

    /// Checks of more than one agent's work run where all of it is.
    fn checked_out(&self, setup: &Setup, place: &CheckPlace) -> Result<(), String> {
        // Rules' commands run in the merge itself.
        if place.purpose == Purpose::Base || of_a_rule(setup, place) {
            return Ok(());
        }
        // The setup is that of the end: who is not there yet may have the only workspace.
        if begun_with(setup) + self.added < setup.plan.agents.len() {
            return Ok(());
        }
        let with_own = |ix: AgentIx| {
            setup.plan.indices().any(|part| {
                let up = |ix: &AgentIx| setup.plan.agent(*ix).parent;
                let mut above = std::iter::successors(Some(part), up);
                let own = setup.plan.agent(part).workspace == Workspace::Own;
                own && setup.own(part) && above.any(|above| above == ix)
            })
        };
        let (on_head, owner) = match (&place.agent, &place.phase) {
            (Some(agent), _) => {
                let ix = setup.by_id[agent];
                let on_head = !setup.children[ix.ix()].is_empty() && with_own(ix);
                (on_head, Owner::Agent(ix))
            }
            (None, None) => {
                let name = place.cohort.as_deref().unwrap_or_default();
                let ix = setup.cohort_ix(name).unwrap();
                let members = &setup.cohorts[ix.ix()].members;
                let on_head = setup.integrates
                    && (members.is_empty() || members.iter().any(|&ix| with_own(ix)));
                (on_head, Owner::Cohort(ix))
            }
            (None, Some(phase)) => {
                let phases = &setup.plan.phases;
                let ix = phases.iter().position(|p| p.id == *phase).unwrap();
                let members = &setup.members[ix];
                let on_head = setup.integrates
                    && (members.is_empty() || members.iter().any(|&ix| with_own(ix)));
                (on_head, Owner::Phase(PhaseIx::of(ix)))
            }
        };
        let (on_head, known) = match owner {
            // Before it starts: where it will work.
            Owner::Agent(ix) if place.step as usize >= setup.checks(ix).len() => {
                (setup.own(ix), setup.own(ix))
            }
            owner => (on_head, setup.on_head(owner)),
        };
        if on_head != known {
            return Err("not judged where its work is".to_owned());
        }
        if !on_head {
            return Ok(());
        }
        let began = self.rounds.get(&whose(place)).copied().unwrap_or(0);
        match &self.checkout {
            Some((commit, _)) if commit == self.head() => Ok(()),
            Some((_, merges)) if *merges >= began => Ok(()),
            _ => Err("judged without a checkout of what is integrated".to_owned()),
        }
    }

    fn work(&mut self, setup: &Setup, work: &WorkEvent) -> Result<(), String> {
        match work {
            WorkEvent::Ready {
                agent,
                attempt,
                base,
                home,
                ..
            } => {
                let known = &mut self.agent(setup, agent).attempt;
                if home.is_some() && known.number == *attempt {
                    known.seen = known.home.0;
                    known.base.clone_from(&known.home.1);
                }
                known.home = (known.seen, known.base.clone());
                if (known.number, &known.base) != (*attempt, base) {
                    return Err(format!("begins at {base}, not at {}", known.base));
                }
            }
            WorkEvent::Collected {
                agent,
                attempt,
                commit,
                outside,
                missing,
                handoff,
                facts,
                error,
                ..
            } => {
                let known = &mut self.agent(setup, agent).attempt;
                if known.number != *attempt || known.collected.is_some() {
                    return Err("collected twice, or of another attempt".to_owned());
                }
                known.collected = Some(commit.clone());
                known.facts.clone_from(facts);
                known.bad = !outside.is_empty()
                    || !missing.is_empty()
                    || handoff.is_some()
                    || error.is_some();
            }
            WorkEvent::Merging { agent, attempt } => {
                let ix = setup.by_id[agent];
                let parts = !setup.children[ix.ix()].is_empty();
                let steps = setup.checks(ix);
                let state = self.agent(setup, agent);
                let known = &mut state.attempt;
                if known.number != *attempt || known.bad {
                    return Err("merges what must not be".to_owned());
                }
                if !matches!(known.collected, Some(Some(_))) {
                    return Err("merges nothing".to_owned());
                }
                let open = steps.iter().find(|step| !known.passed.contains(step.gate));
                if let Some(step) = open.filter(|_| !parts) {
                    return Err(format!("merges without {}", step.gate));
                }
                known.queued = true;
                state.blocked = false;
            }
            WorkEvent::MergeStarted { .. } => self.started(setup, work)?,
            WorkEvent::MergeTried {
                number, outcome, ..
            } => {
                let now = self.now(*number)?;
                if now.outcome.replace(outcome.clone()).is_some() {
                    return Err("tried twice".to_owned());
                }
                let commands = matches!(outcome, MergeOutcome::Command { .. });
                if commands && now.commanded {
                    return Err("commands again".to_owned());
                }
            }
            WorkEvent::MergeCommanded { number, .. } => {
                let now = self.now(*number)?;
                let Some(MergeOutcome::Command { commands, .. }) = now.outcome.take() else {
                    return Err("no rule asked for a command".to_owned());
                };
                let first = setup.checks_of(Owner::Agent(now.agent)).len();
                let first = u32::try_from(first).unwrap();
                let green = now.green.take().unwrap_or_default();
                let all = (first..).take(commands.len()).all(|at| green.contains(&at));
                if !all {
                    return Err("a rule's command was not green".to_owned());
                }
                now.commanded = true;
            }
            WorkEvent::MergeAdvancing { number, commit, .. } => {
                if self.stopping {
                    return Err("merges after a stop".to_owned());
                }
                let now = self.now(*number)?;
                advances(setup, now, commit)?;
                now.advancing = true;
            }
            WorkEvent::MergeDone {
                number,
                agent,
                commit,
                ..
            } => {
                let head = self.head().to_owned();
                let now = self.now(*number)?.clone();
                let contained = now.outcome == Some(MergeOutcome::Contained);
                if contained && *commit != head {
                    return Err("the head moved by what is in it already".to_owned());
                }
                let clean = matches!(&now.outcome, Some(MergeOutcome::Clean { commit: c, .. }) if c == commit);
                if !(contained || clean && now.advancing) {
                    return Err("merged out of place".to_owned());
                }
                if !contained {
                    self.heads.push((now.agent, commit.clone()));
                }
                self.now = None;
                // Another head is not handed over yet.
                self.left &= contained;
                let state = self.agent(setup, agent);
                state.attempt.merged = true;
                state.attempt.queued = false;
                if state.conflict.is_some() {
                    return Err("merged with an open conflict".to_owned());
                }
            }
            WorkEvent::MergeFailed { number, .. } => {
                self.now(*number)?;
                self.now = None;
            }
            WorkEvent::ConflictDetected {
                id,
                agent,
                with,
                clash,
                ..
            } => {
                let last = self.last_conflict;
                let known = self.conflicts.entry(*id).or_default();
                known.with = with.iter().map(|id| setup.by_id[id]).collect();
                known.about_facts = clash.kinds.iter().any(|kind| kind == "context");
                known.settled = false;
                let ix = setup.by_id[agent];
                let state = self.agents.entry(ix).or_default();
                match state.conflict.replace(*id) {
                    Some(old) if old != *id => return Err("a second conflict".to_owned()),
                    None if *id != last + 1 => return Err(format!("conflict {id} after {last}")),
                    _ => {}
                }
                self.last_conflict = last.max(*id);
                if let Some(now) = self.now.as_mut().filter(|now| now.agent == ix) {
                    now.conflict = true;
                }
            }
            WorkEvent::ConflictResolved {
                id,
                agent,
                strategy,
                ..
            } => {
                let state = self.agent(setup, agent);
                if state.conflict.take() != Some(*id) {
                    return Err("settles what is not open".to_owned());
                }
                let ix = setup.by_id[agent];
                let clash = self.conflicts[id].clone();
                if clash.about_facts && clash.settled {
                    self.overruled(ix, &clash);
                }
                let on = self.now.as_ref().is_some_and(|now| now.agent == ix);
                if on && *strategy == Strategy::SequentialFallback {
                    return Err("sent back while it is merged".to_owned());
                }
            }
            WorkEvent::Delivering { forward, .. } => {
                let agreed = std::mem::take(&mut self.agreed);
                if forward.is_some() && !agreed {
                    return Err("a person's branch goes forward without their yes".to_owned());
                }
            }
            WorkEvent::Delivered { error, offer, .. } => {
                self.left = error.is_some() || offer.is_some();
            }
            WorkEvent::SyncStarted { number, point, .. } => {
                let twice = self.syncs.values().any(|known| known == point);
                if *number != self.last_sync + 1 || twice {
                    return Err("a synchronisation point out of place".to_owned());
                }
                self.last_sync = *number;
                self.syncs.insert(*number, point.clone());
            }
            WorkEvent::SyncCompleted { number, point, .. }
            | WorkEvent::SyncFailed { number, point, .. }
                if self.syncs.remove(number).as_ref() != Some(point) =>
            {
                return Err("the end of no synchronisation point".to_owned());
            }
            WorkEvent::CheckedOut {
                commit,
                path,
                base: None,
                error,
            } => {
                // The merges that are in it; the run's base has none.
                let merges = self.heads.iter().position(|(_, head)| head == commit);
                let merges = merges.map_or(0, |at| at + 1);
                let there = error.is_none() && !path.is_empty();
                self.checkout = there.then(|| (commit.clone(), merges));
            }
            WorkEvent::RollbackStarted {
                commit,
                agents,
                parents,
                ..
            } => {
                self.starts()?;
                if self.now.is_some() {
                    return Err("goes back during a merge".to_owned());
                }
                self.all_again(setup, commit, agents, parents)?;
                let all = [agents.clone(), parents.clone()].concat();
                self.back = Some((commit.clone(), all));
            }
            WorkEvent::RollbackDone { error, .. } => {
                let Some((commit, all)) = self.back.take() else {
                    return Err("back without a way back".to_owned());
                };
                if error.is_none() {
                    let at = self.heads.iter().position(|(_, head)| *head == commit);
                    self.heads.truncate(at.map_or(0, |at| at + 1));
                    self.checkout = None;
                    self.left = false;
                    self.again.extend(all);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn started(&mut self, setup: &Setup, work: &WorkEvent) -> Result<(), String> {
        let WorkEvent::MergeStarted {
            number,
            agent,
            attempt,
            commit,
            onto,
            conflict,
        } = work
        else {
            return Ok(());
        };
        self.starts()?;
        let ix = setup.by_id[agent];
        if self.now.is_some() {
            return Err("two merges at once".to_owned());
        }
        if self.stopping || self.degraded {
            return Err("a merge begins after a stop, or while the journal has a fault".to_owned());
        }
        if *number != self.last + 1 {
            return Err(format!("merge {number} after {}", self.last));
        }
        if onto != self.head() {
            return Err(format!("onto {onto}, the head is {}", self.head()));
        }
        let seen = self.agents.get(&ix).map_or(0, |a| a.attempt.seen);
        let critical = |ix: AgentIx| {
            let domains = setup.plan.agent(ix).domains.iter();
            domains.filter(|d| setup.plan.domains.get(*d).is_some_and(|d| d.critical))
        };
        for (other, _) in self.heads.iter().skip(seen) {
            if *other != ix && critical(ix).any(|own| critical(*other).any(|d| d == own)) {
                return Err("merges in a critical domain on what it has not seen".to_owned());
            }
        }
        let state = self.agent(setup, agent);
        if state.held {
            return Err("merges what a person holds".to_owned());
        }
        if state.attempt.number != *attempt || !state.attempt.queued {
            return Err("merges what is not in line".to_owned());
        }
        if state.attempt.collected != Some(Some(commit.clone())) {
            return Err("merges what was not collected".to_owned());
        }
        self.last = *number;
        self.now = Some(Now {
            number: *number,
            agent: ix,
            outcome: None,
            advancing: false,
            conflict: conflict.is_some(),
            green: None,
            commanded: false,
        });
        Ok(())
    }

    /// A roll-back names all whose work it takes out, and all that need them.
    fn all_again(
        &self,
        setup: &Setup,
        commit: &str,
        agents: &[AgentId],
        parents: &[AgentId],
    ) -> Result<(), String> {
        let kept = self.heads.iter().position(|(_, head)| head == commit);
        let kept = kept.map_or(0, |at| at + 1);
        let listed: BTreeSet<AgentIx> = agents.iter().map(|id| setup.by_id[id]).collect();
        let joins: BTreeSet<AgentIx> = parents.iter().map(|id| setup.by_id[id]).collect();
        let mut out = self.heads[kept..].iter().map(|(ix, _)| *ix);
        if let Some(ix) = out.find(|ix| !listed.contains(ix)) {
            return Err(format!(
                "{} is taken out and not done again",
                setup.plan.agent(ix).id
            ));
        }
        let done = |ix: AgentIx| self.agents.get(&ix).is_some_and(|a| a.done);
        for ix in setup.plan.indices().filter(|&ix| done(ix)) {
            let agent = setup.plan.agent(ix);
            let hard = agent.needs.iter().filter(|n| n.kind == NeedKind::Hard);
            let mut hard = hard.map(|n| n.agent);
            if hard.any(|from| listed.contains(&from) || joins.contains(&from))
                && !listed.contains(&ix)
            {
                return Err(format!("{} needs what is taken out", agent.id));
            }
            let mut parts = setup.children[ix.ix()].iter();
            let open = parts.any(|part| listed.contains(part) || joins.contains(part));
            if open && !listed.contains(&ix) && !joins.contains(&ix) {
                return Err(format!("a part of {} is taken out", agent.id));
            }
        }
        Ok(())
    }

    fn end(&mut self, setup: &Setup) -> Result<(), String> {
        if self.now.as_ref().is_some_and(|now| now.advancing) {
            return Err("ends before what goes into the head is there".to_owned());
        }
        if !self.syncs.is_empty() {
            return Err(format!("ends, and these are open: {:?}", self.syncs));
        }
        if self.back.is_some() || !self.again.is_empty() {
            return Err("ends before a roll-back has".to_owned());
        }
        for (ix, agent) in &self.agents {
            if agent.conflict.is_some() && !agent.blocked && !self.stopping {
                let id = &setup.plan.agent(*ix).id;
                return Err(format!("the conflict of {id} waits for nobody"));
            }
        }
        Ok(())
    }
}

/// Facts of which two say different things.
fn differ<'a>(
    one: &'a BTreeMap<String, String>,
    other: &'a BTreeMap<String, String>,
) -> impl Iterator<Item = &'a String> {
    let differs =
        |(key, value): &(&String, &String)| other.get(*key).is_some_and(|known| known != *value);
    one.iter().filter(differs).map(|(key, _)| key)
}

/// The head goes forward only to what was tried, and what its checks, where it has any, found green.
fn advances(setup: &Setup, now: &Now, commit: &str) -> Result<(), String> {
    let Some(MergeOutcome::Clean {
        commit: tried,
        checked,
        clash,
        ..
    }) = &now.outcome
    else {
        return Err("advances to what is not clean".to_owned());
    };
    if tried != commit {
        return Err("advances to something else".to_owned());
    }
    let steps = setup.checks(now.agent);
    let parts = !setup.children[now.agent.ix()].is_empty();
    let seen = *checked && clash.is_none() && !now.conflict;
    if parts || seen {
        return Ok(());
    }
    let nothing = BTreeSet::new();
    let green = now.green.as_ref().unwrap_or(&nothing);
    for (at, step) in (0..).zip(&steps) {
        if step.approve.is_none() && !green.contains(&at) {
            return Err(format!("advances without {} on the result", step.gate));
        }
    }
    Ok(())
}
