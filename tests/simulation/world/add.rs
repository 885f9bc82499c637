//! Agents that a person adds while a run goes on, at any moment, needing anybody, in any place; what that
//! person says to agents in any state; and that a snapshot holds all of it.

use wavedeck::{
    engine::{Action, Extension, InputKind, State, refuses_extension},
    journal::{Position, snapshot},
    plan::{Agent, AgentIx, Need, NeedKind, SubAgents, When, Work},
};

use super::World;
use crate::simulation::random::Random;

/// When, and how many.
pub struct Adds {
    r: Random,
    percent: u64,
    left: u64,
    made: u64,
    /// What is said to agents, whatever they do just now; in few worlds.
    says: Random,
    words: u64,
}

impl Adds {
    pub fn new(seed: u64) -> Self {
        let mut r = Random::new(seed ^ 0xADD).beside();
        let adds = r.chance(50);
        let mut says = Random::new(seed ^ 0x5A1D).beside();
        Self {
            words: if says.chance(30) {
                2 + says.below(10)
            } else {
                0
            },
            says,
            percent: if adds { 2 + r.below(12) } else { 0 },
            left: 1 + r.below(5),
            made: 0,
            r,
        }
    }
}

impl World {
    /// Somebody says something to an agent, in whatever state that is.
    fn say(&mut self) {
        let says = &mut self.adds.says;
        if !says.chance(self.adds.words) {
            return;
        }
        let prompts = |ix: &AgentIx| {
            let agent = self.state.setup.plan.agent(*ix);
            matches!(agent.work, Work::Prompt(_))
        };
        let prompts: Vec<AgentIx> = self.state.setup.plan.indices().filter(prompts).collect();
        if prompts.is_empty() {
            return;
        }
        let agent = self.state.id(*says.pick(&prompts)).to_string();
        let now = says.chance(40);
        let action = match says.below(6) {
            0 | 1 => Action::Tell {
                agent,
                text: "whatever you do".to_owned(),
                now,
            },
            2 => Action::Close { agent },
            3 => Action::Swap {
                agent,
                worker: Some(format!("w{}", says.below(3))),
            },
            _ => Action::Open { agent, now },
        };
        self.operator(action);
    }

    /// The state as a snapshot of it gives it back.
    pub(super) fn stored(&mut self) -> State {
        let at = Position {
            seq: self.folded.seq,
            offset: 0,
            elapsed_us: 0,
            crc: [b'0'; 8],
        };
        let bytes = snapshot::pack(self.folded.clone(), at).unwrap();
        let read = snapshot::unpack(&bytes, &self.folded.run, &self.folded.setup);
        let Some((state, _)) = read else {
            self.problems.push("a snapshot is not read".to_owned());
            return self.folded.clone();
        };
        if state != self.folded {
            self.problems
                .push("a snapshot gives another state".to_owned());
        }
        state
    }

    /// Adds one or two agents now and then; what is refused has to leave no trace.
    pub fn add(&mut self) {
        self.say();
        let adds = &mut self.adds;
        if adds.left == 0 || !adds.r.chance(adds.percent) {
            return;
        }
        adds.left -= 1;
        let setup = self.state.setup.clone();
        let count = |n: usize| u32::try_from(n).unwrap();
        let mut by = Extension {
            first: count(setup.plan.agents.len()),
            first_worker: count(setup.plan.workers.len()),
            ..Extension::default()
        };
        let processes = |a: &&Agent| a.work != Work::Group;
        let like: Vec<Agent> = setup
            .plan
            .agents
            .iter()
            .filter(processes)
            .cloned()
            .collect();
        if like.is_empty() {
            return;
        }
        for _ in 0..=self.adds.r.below(2) {
            let agent = self.one(&like, setup.plan.agents.len() + by.agents.len());
            by.agents.push(agent);
        }
        let refused = refuses_extension(&self.state, &by);
        let (seq, agents) = (self.state.seq, self.state.agents.len());
        self.input(InputKind::Extend {
            by: "sim".into(),
            extension: Box::new(by),
        });
        let came = self.state.agents.len() > agents || self.state.seq > seq;
        if refused.is_some() && self.state.agents.len() > agents {
            self.problems
                .push("agents were added though they were refused".into());
        }
        if refused.is_none() && !came && self.state.finished.is_none() {
            self.problems
                .push("agents were lost that were not refused".into());
        }
    }

    /// An agent like one that is there, with an id and needs of its own.
    fn one(&mut self, like: &[Agent], before: usize) -> Agent {
        let r = &mut self.adds.r;
        let mut agent = r.pick(like).clone();
        self.adds.made += 1;
        agent.id = format!("new-{}", self.adds.made).as_str().into();
        agent.title = agent.id.to_string();
        agent.parent = None;
        agent.sub_agents = SubAgents::Parallel;
        agent.needs.clear();
        let r = &mut self.adds.r;
        for _ in 0..r.below(4) {
            let from = AgentIx::of(usize::try_from(r.below(before as u64)).unwrap());
            if agent.needs.iter().any(|need| need.agent == from) {
                continue;
            }
            let soft = r.chance(20);
            let when = match r.below(10) {
                _ if soft => When::Succeeded,
                0 => When::Failed,
                1 => When::Skipped,
                2 => When::Ended,
                3 => When::Output("out.txt".into()),
                _ => When::Succeeded,
            };
            agent.needs.push(Need {
                agent: from,
                kind: if soft { NeedKind::Soft } else { NeedKind::Hard },
                when,
                files: Vec::new(),
                check: Vec::new(),
            });
        }
        if r.chance(50) {
            agent.phase = None;
        }
        if r.chance(40) {
            agent.track = None;
        }
        agent
    }
}
