//! What must hold of every journal, checked from the journal and the setup alone.
//!
//! Written without the engine's own bookkeeping: an oracle of a different make.

#![allow(
    clippy::needless_pass_by_value,
    reason = "called with texts made on the spot"
)]

use std::collections::{BTreeMap, BTreeSet};

use wavedeck::{
    engine::{
        Action, Cause, CheckPlace, Event, Exit, MemoryEvent, Record, Setup, StoppedBy, WorkEvent,
    },
    plan::{AgentId, AgentIx, Mode, NeedKind, SubAgents, When, Work},
};

use super::{
    budgets::Budgets, cohorts::Cohorts, leases::Leases, memory::Parks, merges::Merges,
    queue::Queue, switch::Switch, talk::Talks, verdicts::Verdicts,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Was {
    Open,
    Succeeded,
    Failed,
    Skipped,
    Stopped,
}

#[derive(Debug, Default)]
struct Seen {
    was: Option<Was>,
    /// The attempt whose process is alive, with its mode.
    live: Option<(u32, usize)>,
    started: bool,
    frozen: bool,
    checking: bool,
    /// Blocked: it waits for a person.
    blocked: bool,
    /// The red gate that it is blocked by.
    red: bool,
    held: bool,
    /// A person held it before what a person asked for last.
    before: bool,
    /// Its process is being ended so that it can go on later; whether a person held it before.
    parking: Option<bool>,
    /// The last attempt's process ended with status 0.
    exit_ok: bool,
    /// It has joined: its sub-agents may start.
    own_done: bool,
    /// A person works in its session, and its turn before had ended well or not: that counts then.
    opened: Option<bool>,
    attempts: BTreeSet<u32>,
    present: Vec<String>,
    /// Gates passed since the present attempt began.
    passed: BTreeSet<String>,
    completed: u32,
    /// What it is to begin with is being looked at: whether its files are there, and the commands that
    /// were green.
    begin: Option<(bool, BTreeSet<u32>)>,
    /// All of that was there when it became ready.
    begins: bool,
}

impl Seen {
    fn was(&self) -> Was {
        self.was.unwrap_or(Was::Open)
    }

    fn holds_slot(&self) -> bool {
        self.live.is_some() && !self.frozen
    }
}

/// Whose check it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Whose {
    Agent(AgentIx),
    Phase(usize),
    Cohort(usize),
}

/// A check command that has a process.
#[derive(Debug, Clone, Copy)]
struct Check {
    ram: u64,
    frozen: bool,
}

struct Checker<'a> {
    setup: &'a Setup,
    agents: Vec<Seen>,
    /// Phases: completed, gates passed in the present round, failed for its gates, being checked.
    phases: Vec<(bool, BTreeSet<String>, bool, bool)>,
    checks: BTreeMap<Whose, Check>,
    /// Rounds of check commands that were used up, with the attempt.
    rounds: BTreeSet<(Whose, u32, u32, u32)>,
    /// Phases that a person holds.
    held: BTreeSet<usize>,
    switch: Switch,
    queue: Queue,
    merges: Merges,
    cohorts: Cohorts,
    verdicts: Verdicts,
    talks: Talks,
    budgets: Budgets,
    parks: Parks,
    leases: Leases,
    /// Cohorts that a person holds.
    cohorts_held: BTreeSet<usize>,
    stopped_by_person: bool,
    guard_lost: bool,
    mode: Mode,
    cap: u32,
    halted: bool,
    degraded: bool,
    stopping: bool,
    finished: Option<u8>,
    problems: Vec<String>,
}

/// How many agents a run began with; the others were added.
pub fn begun_with(setup: &Setup) -> usize {
    let began = setup.began.as_ref();
    began.map_or(setup.plan.agents.len(), |began| began.plan.agents.len())
}

pub fn check(setup: &Setup, records: &[Record]) -> Vec<String> {
    let mut c = Checker {
        setup,
        agents: (0..setup.plan.agents.len())
            .map(|i| Seen {
                // Who is added later keeps nobody waiting before that.
                was: (i >= begun_with(setup)).then_some(Was::Succeeded),
                ..Seen::default()
            })
            .collect(),
        phases: setup
            .plan
            .phases
            .iter()
            .map(|_| (false, BTreeSet::new(), false, false))
            .collect(),
        checks: BTreeMap::new(),
        rounds: BTreeSet::new(),
        held: BTreeSet::new(),
        switch: Switch::default(),
        queue: Queue::default(),
        merges: Merges::default(),
        cohorts: Cohorts::new(setup),
        verdicts: Verdicts::default(),
        talks: Talks::default(),
        budgets: Budgets::default(),
        parks: Parks::default(),
        leases: Leases::default(),
        cohorts_held: BTreeSet::new(),
        stopped_by_person: false,
        guard_lost: false,
        mode: setup.plan.mode,
        cap: setup.agents_cap,
        halted: false,
        degraded: false,
        stopping: false,
        finished: None,
        problems: Vec::new(),
    };
    let mut elapsed = 0;
    for (seq, record) in (1..).zip(records) {
        if record.seq != seq {
            c.problem(record, format!("seq {} in place of {seq}", record.seq));
            break;
        }
        if record.elapsed_us < elapsed {
            c.problem(record, "time went back".into());
        }
        elapsed = record.elapsed_us;
        if c.finished.is_some() {
            c.problem(record, "an event after the end".into());
        }
        if let Some(wrong) = c.switch.step(setup, record) {
            c.problem(record, wrong);
        }
        if let Some(wrong) = c.queue.step(setup, record) {
            c.problem(record, wrong);
        }
        if let Some(wrong) = c.merges.step(setup, record) {
            c.problem(record, wrong);
        }
        if let Some(wrong) = c.cohorts.step(setup, record) {
            c.problem(record, wrong);
        }
        if let Err(wrong) = c.verdicts.step(setup, record) {
            c.problem(record, wrong);
        }
        if let Err(wrong) = c.talks.step(setup, record) {
            c.problem(record, wrong);
        }
        if let Err(wrong) = c.budgets.step(setup, record) {
            c.problem(record, wrong);
        }
        if let Err(wrong) = c.parks.step(setup, record) {
            c.problem(record, wrong);
        }
        let before = c.ram();
        let leased = c.leases.step(setup, record);
        let more = c.ram() > before.max(setup.ram_limit_bytes);
        c.step(record);
        match leased {
            Ok(true) if more => {
                c.problem(record, "more memory leased than there is".into());
            }
            Ok(_) => {}
            Err(wrong) => c.problem(record, wrong),
        }
        if c.problems.len() > 3 {
            return c.problems;
        }
    }
    c.end();
    c.problems
}

impl Checker<'_> {
    fn problem(&mut self, record: &Record, text: String) {
        self.problems
            .push(format!("seq {}: {text}: {:?}", record.seq, record.event));
    }

    fn ix(&self, id: &AgentId) -> AgentIx {
        self.setup.by_id[id]
    }

    fn slots(&self) -> u32 {
        let agents = self.agents.iter().filter(|a| a.holds_slot()).count();
        let checks = self.checks.values().filter(|c| !c.frozen).count();
        u32::try_from(agents + checks).unwrap()
    }

    /// Whether an agent holds a slot: for its own process, or for a command of its checks.
    fn holds_slot(&self, ix: AgentIx) -> bool {
        let check = self.checks.get(&Whose::Agent(ix));
        self.agents[ix.ix()].holds_slot() || check.is_some_and(|c| !c.frozen)
    }

    fn whose(&self, place: &CheckPlace) -> Whose {
        match (&place.agent, &place.phase) {
            (Some(agent), _) => Whose::Agent(self.ix(agent)),
            (None, Some(phase)) => Whose::Phase(self.phase(phase)),
            (None, None) => Whose::Cohort(self.cohort(place.cohort.as_deref().unwrap())),
        }
    }

    fn check_may_move(&mut self, record: &Record, whose: Whose, pressure: u32) {
        self.may_start(record, pressure);
        match whose {
            Whose::Agent(ix) => {
                if !self.agents[ix.ix()].checking {
                    self.problem(
                        record,
                        "a check of an agent that is not being checked".into(),
                    );
                }
                self.not_held(record, ix);
                self.barriers_open(record, ix);
                self.within_limits(record, ix);
            }
            Whose::Phase(ix) => {
                if self.slots() > self.cap() {
                    self.problem(record, "more at once than allowed".into());
                }
                if self.held.contains(&ix) {
                    self.problem(record, "a gate that a person holds".into());
                }
            }
            Whose::Cohort(ix) => {
                if self.slots() > self.cap() {
                    self.problem(record, "more at once than allowed".into());
                }
                if self.cohorts_held.contains(&ix) {
                    self.problem(record, "a gate that a person holds".into());
                }
            }
        }
    }

    fn not_held(&mut self, record: &Record, ix: AgentIx) {
        if self.agents[ix.ix()].held {
            self.problem(record, "goes on although a person holds it".into());
        }
    }

    fn cap(&self) -> u32 {
        let sequential = self.mode == Mode::Sequential
            || (self.mode == Mode::Hybrid && !self.setup.hybrid_enabled)
            || !self.setup.parallel_enabled;
        if sequential { 1 } else { self.cap }
    }

    fn ram(&self) -> u64 {
        let plan = &self.setup.plan;
        let live = plan.indices().zip(&self.agents);
        let agents: u64 = live
            .filter_map(|(ix, seen)| {
                let (_, mode) = seen.live?;
                let own = plan.agent(ix).modes[mode].ram_bytes;
                Some(own + self.leases.beyond(ix, own))
            })
            .sum();
        agents + self.checks.values().map(|c| c.ram).sum::<u64>()
    }

    /// An agent of a phase goes on, or ends otherwise: what its gates said is of before.
    fn open_again(&mut self, event: &Event) {
        let (Event::AgentScheduled { agent, .. }
        | Event::AgentReady { agent }
        | Event::AgentRetrying { agent, .. }
        | Event::AgentJoining { agent }
        | Event::AgentSkipped { agent, .. }) = event
        else {
            return;
        };
        if let Some(phase) = self.setup.plan.agent(self.ix(agent)).phase {
            (self.phases[phase.ix()].2, self.phases[phase.ix()].3) = (false, false);
        }
    }

    /// It is there from now on: what was judged without it is judged again, but for waves.
    fn added(&mut self, id: &AgentId) {
        let ix = self.ix(id);
        self.agents[ix.ix()] = Seen::default();
        if let Some(phase) = self.setup.plan.agent(ix).phase {
            let phase = &mut self.phases[phase.ix()];
            (phase.0, phase.2, phase.3) = (false, false, false);
        }
    }

    fn step(&mut self, record: &Record) {
        self.open_again(&record.event);
        if let Event::Work(work) = &record.event
            && let WorkEvent::Extended(by) = &**work
        {
            for agent in &by.agents {
                self.added(&agent.id);
            }
        }
        match &record.event {
            Event::AgentScheduled {
                agent,
                attempt,
                mode,
                pressure_permille,
                ..
            } => {
                let ix = self.ix(agent);
                self.may_start(record, *pressure_permille);
                self.needs_met(record, ix);
                self.not_held(record, ix);
                self.barriers_open(record, ix);
                let asked = self.asks(ix);
                let seen = &mut self.agents[ix.ix()];
                let mut wrong = Vec::new();
                if asked != (false, 0) && !std::mem::take(&mut seen.begins) {
                    wrong.push("started without what it is to begin with");
                }
                if seen.live.is_some() || seen.checking {
                    wrong.push("started while it runs");
                }
                if seen.was() == Was::Succeeded {
                    wrong.push("started although it is done");
                }
                if seen.attempts.last().is_some_and(|last| last >= attempt)
                    || !seen.attempts.insert(*attempt)
                {
                    wrong.push("an attempt number comes twice");
                }
                seen.live = Some((*attempt, *mode as usize));
                (seen.started, seen.frozen) = (false, false);
                (seen.exit_ok, seen.own_done) = (false, false);
                (seen.blocked, seen.red) = (false, false);
                seen.was = None;
                seen.passed.clear();
                for text in wrong {
                    self.problem(record, text.into());
                }
                self.within_limits(record, ix);
            }
            Event::AgentStarted { agent, attempt, .. } => {
                let ix = self.ix(agent);
                let seen = &mut self.agents[ix.ix()];
                if seen.live.map(|l| l.0) != Some(*attempt) || seen.started {
                    self.problem(record, "a start out of place".into());
                } else {
                    seen.started = true;
                }
            }
            Event::AttemptEnded {
                agent,
                attempt,
                exit,
                present,
                ..
            } => {
                let ix = self.ix(agent);
                let seen = &mut self.agents[ix.ix()];
                if seen.live.take().map(|l| l.0) != Some(*attempt) {
                    self.problem(record, "an end without a start".into());
                    return;
                }
                seen.frozen = false;
                seen.present.clone_from(present);
                let before = seen.opened == Some(true) && *exit != Exit::Interrupted;
                seen.exit_ok = exit.ok() || before;
                // Done before it could be parked.
                if let Some(before) = seen.parking.take()
                    && exit.ok()
                {
                    seen.held = before;
                }
            }
            Event::AgentFrozen { agent, .. } => {
                let ix = self.ix(agent);
                let seen = &mut self.agents[ix.ix()];
                if seen.live.is_none() || seen.frozen || !seen.started {
                    self.problem(record, "frozen without running".into());
                } else {
                    seen.frozen = true;
                }
            }
            Event::AgentThawed {
                agent,
                pressure_permille,
                ..
            } => {
                let ix = self.ix(agent);
                self.may_start(record, *pressure_permille);
                self.not_held(record, ix);
                self.barriers_open(record, ix);
                if !std::mem::replace(&mut self.agents[ix.ix()].frozen, false) {
                    self.problem(record, "thawed without being frozen".into());
                }
                self.within_limits(record, ix);
            }
            Event::AgentJoining { agent } => {
                let ix = self.ix(agent);
                let group = self.setup.plan.agent(ix).work == Work::Group;
                let seen = &mut self.agents[ix.ix()];
                seen.own_done = true;
                (seen.blocked, seen.red) = (false, false);
                seen.was = None;
                if !(seen.exit_ok || group) || seen.live.is_some() {
                    self.problem(record, "joins before its own work is done".into());
                }
            }
            Event::AgentChecking { agent, .. } => {
                let ix = self.ix(agent);
                let gates = &self.setup.plan.gates;
                // A person's yes is about the work; on the result of its merge, commands alone are
                // asked again.
                let asked = |id: &String| {
                    let gate = gates.iter().find(|gate| gate.id == *id);
                    gate.is_some_and(|gate| gate.approve.is_some())
                };
                let merged = self.merges.is_on(ix);
                let seen = &mut self.agents[ix.ix()];
                seen.checking = true;
                seen.passed.retain(|id| merged && asked(id));
            }
            Event::AgentReady { agent } => {
                let ix = self.ix(agent);
                let (files, commands) = self.asks(ix);
                let seen = &mut self.agents[ix.ix()];
                // Who has waited for something else meanwhile is asked again.
                let begun = seen.begin.take();
                seen.begins = begun.is_some_and(|(there, green): (bool, BTreeSet<u32>)| {
                    (there || !files) && green.len() == commands as usize
                });
                seen.was = None;
                self.leave(ix);
            }
            Event::AgentRetrying { agent, cause, .. } => {
                let ix = self.ix(agent);
                let seen = &mut self.agents[ix.ix()];
                seen.opened = (*cause == Cause::Opened).then_some(seen.exit_ok);
                self.leave(ix);
                self.agents[ix.ix()].begins = false;
                let seen = &mut self.agents[ix.ix()];
                (seen.blocked, seen.red, seen.was) = (false, false, None);
                seen.own_done = false;
                if let Some(phase) = self.setup.plan.agent(ix).phase {
                    self.phases[phase.ix()].0 = false;
                }
            }
            Event::AgentBlocked { agent, gate, .. } => {
                let ix = self.ix(agent);
                self.leave(ix);
                let seen = &mut self.agents[ix.ix()];
                (seen.blocked, seen.red) = (true, gate.is_some());
            }
            Event::AgentCompleted { agent, .. } => {
                let ix = self.ix(agent);
                self.done(record, ix);
                self.finish(record, ix, Was::Succeeded);
                self.agents[ix.ix()].completed += 1;
                if self.agents[ix.ix()].completed > 1 {
                    self.problem(record, "done twice".into());
                }
            }
            Event::AgentFailed { agent, .. } => self.finish(record, self.ix(agent), Was::Failed),
            Event::AgentStopped { agent, .. } => self.finish(record, self.ix(agent), Was::Stopped),
            Event::AgentSkipped { agent, .. } => {
                let ix = self.ix(agent);
                let shut = self.cohorts.shut(self.setup, ix) || self.closed_before(ix).is_some();
                let left = self.budgets.stands();
                if self.needs_missing(ix).is_empty() && !shut && !left {
                    self.problem(record, "skipped although its needs are met".into());
                }
                self.finish(record, ix, Was::Skipped);
            }
            Event::CheckScheduled {
                place,
                ram_bytes,
                pressure_permille,
            } => {
                let whose = self.whose(place);
                let check = Check {
                    ram: *ram_bytes,
                    frozen: false,
                };
                if self.checks.insert(whose, check).is_some() {
                    self.problem(record, "a check beside a check".into());
                }
                let number = (whose, place.attempt, place.round, place.step);
                if !self.rounds.insert(number) {
                    self.problem(record, "a check's number comes twice".into());
                }
                self.check_may_move(record, whose, *pressure_permille);
                if self.ram() > self.setup.ram_limit_bytes {
                    self.problem(record, "more memory than allowed".into());
                }
            }
            Event::CheckFrozen { place, .. } => {
                let whose = self.whose(place);
                match self.checks.get_mut(&whose) {
                    Some(check) if !check.frozen => check.frozen = true,
                    _ => self.problem(record, "a check frozen without running".into()),
                }
            }
            Event::CheckThawed {
                place,
                pressure_permille,
            } => {
                let whose = self.whose(place);
                match self.checks.get_mut(&whose) {
                    Some(check) if check.frozen => check.frozen = false,
                    _ => self.problem(record, "a check thawed without being frozen".into()),
                }
                self.check_may_move(record, whose, *pressure_permille);
            }
            Event::CheckEnded { place, exit, .. } => {
                let whose = self.whose(place);
                if let Whose::Agent(ix) = whose
                    && let Some((_, green)) = &mut self.agents[ix.ix()].begin
                    && exit.ok()
                {
                    green.insert(place.step);
                }
                if self.checks.remove(&whose).is_none() {
                    self.problem(record, "a check's end without its start".into());
                }
            }
            Event::GatePassed { place, .. } => {
                if let Some(agent) = &place.agent {
                    let ix = self.ix(agent);
                    self.agents[ix.ix()].passed.insert(place.gate.clone());
                } else if let Some(phase) = &place.phase {
                    let ix = self.phase(phase);
                    self.phases[ix].1.insert(place.gate.clone());
                }
            }
            Event::PhaseChecking { phase, .. } => {
                let ix = self.phase(phase);
                self.phases[ix].1.clear();
                // It may have passed before: what it skipped was opened again by a retry elsewhere.
                self.phases[ix].0 = false;
                (self.phases[ix].2, self.phases[ix].3) = (false, true);
            }
            Event::PhaseCompleted { phase } => {
                let ix = self.phase(phase);
                for gate in &self.setup.plan.phases[ix].gates {
                    let id = &self.setup.plan.gates[gate.ix()].id;
                    if !self.phases[ix].1.contains(id) {
                        self.problem(record, format!("phase completed without {id}"));
                    }
                }
                for &member in &self.setup.members[ix] {
                    if self.agents[member.ix()].was() == Was::Open {
                        self.problem(record, "phase completed with an open agent".into());
                    }
                }
                self.phases[ix].0 = true;
                self.phases[ix].3 = false;
                self.held.remove(&ix);
            }
            Event::PhaseFailed { phase, .. } => {
                let ix = self.phase(phase);
                self.phases[ix].2 = self.phases[ix].3 && !self.stopping;
                self.phases[ix].3 = false;
                self.held.remove(&ix);
            }
            Event::PhaseReopened { phase } => {
                let ix = self.phase(phase);
                self.phases[ix].3 = false;
            }
            Event::OperatorAction {
                action,
                agents,
                phases,
                cohorts,
                ..
            } => {
                self.person(action, agents, phases);
                for name in cohorts {
                    let at = self.cohort(name);
                    match action {
                        Action::Pause { .. } => self.cohorts_held.insert(at),
                        Action::Resume { .. } => self.cohorts_held.remove(&at),
                        _ => false,
                    };
                }
            }
            Event::CohortCompleted { cohort } | Event::CohortFailed { cohort, .. } => {
                let at = self.cohort(cohort);
                self.cohorts_held.remove(&at);
            }
            Event::ModeChanged { to, agents_cap, .. } => {
                self.mode = *to;
                self.cap = *agents_cap;
            }
            Event::Work(work) => {
                if let WorkEvent::RollbackStarted {
                    agents, parents, ..
                } = &**work
                {
                    for id in agents.iter().chain(parents) {
                        let ix = self.ix(id);
                        self.agents[ix.ix()].completed = 0;
                    }
                    // Nobody opens a session of before.
                    for ix in self.setup.plan.indices().filter(|&ix| self.setup.own(ix)) {
                        self.agents[ix.ix()].opened = None;
                    }
                }
                self.begin(record, work);
            }
            Event::Memory(memory) => {
                if let MemoryEvent::Parking { agent, cause, .. } = &**memory {
                    let ix = self.ix(agent);
                    let by_person = *cause == Cause::Operator;
                    let seen = &mut self.agents[ix.ix()];
                    seen.parking = Some(if by_person { seen.before } else { seen.held });
                }
            }
            Event::ZoneChanged { halted, .. } => self.halted = *halted,
            Event::RunDegraded { error } => self.degraded = error.is_some(),
            Event::RunStopped { by } => {
                self.stopping = true;
                self.stopped_by_person = *by == StoppedBy::Operator;
                self.guard_lost = *by == StoppedBy::GuardLost;
            }
            // A stop outlives a crash, but for one that nobody asked for.
            Event::RunResumed { .. } => {
                self.degraded = false;
                self.stopping &= !self.guard_lost;
            }
            Event::RunFinished { status, .. } => self.finished = Some(*status),
            _ => {}
        }
    }

    /// What must be there before an agent starts, told from the plan alone: whether files are, and how
    /// many commands must be green. What a group asks for is asked of its parts.
    fn asks(&self, ix: AgentIx) -> (bool, u32) {
        let plan = &self.setup.plan;
        let (mut files, mut commands) = (false, 0);
        let mut next = Some(ix);
        while let Some(ix) = next {
            let agent = plan.agent(ix);
            files |= !agent.inputs.is_empty();
            for need in &agent.needs {
                files |= !need.files.is_empty();
                commands += u32::try_from(need.check.len()).unwrap();
            }
            next = agent.parent.filter(|p| plan.agent(*p).work == Work::Group);
        }
        (files, commands)
    }

    fn begin(&mut self, record: &Record, work: &WorkEvent) {
        match work {
            WorkEvent::HandoffChecking(of) => {
                let ix = self.ix(&of.agent);
                self.needs_met(record, ix);
                if self.asks(ix) == (false, 0) {
                    self.problem(record, "asked for nothing".into());
                }
                let seen = &mut self.agents[ix.ix()];
                seen.checking = true;
                seen.begins = false;
                seen.begin = Some((false, BTreeSet::new()));
                if seen.live.is_some() || seen.was == Some(Was::Succeeded) {
                    self.problem(record, "asked out of place".into());
                }
            }
            WorkEvent::HandoffChecked(of) => {
                let ix = self.ix(&of.agent);
                match &mut self.agents[ix.ix()].begin {
                    Some(begin) => begin.0 = of.missing.is_empty() && of.error.is_none(),
                    None => self.problem(record, "found without being asked".into()),
                }
            }
            // What was there may be gone.
            WorkEvent::RollbackDone { error: None, .. } => {
                for seen in &mut self.agents {
                    if seen.begin.take().is_some() {
                        seen.checking = false;
                    }
                    seen.begins = false;
                }
            }
            _ => {}
        }
    }

    fn cohort(&self, name: &str) -> usize {
        self.setup.cohort_ix(name).unwrap().ix()
    }

    fn phase(&self, id: &str) -> usize {
        self.setup
            .plan
            .phases
            .iter()
            .position(|p| p.id == id)
            .unwrap()
    }

    fn leave(&mut self, ix: AgentIx) {
        let seen = &mut self.agents[ix.ix()];
        seen.checking = false;
        seen.begin = None;
    }

    /// What a person's pause holds back, and who lets it go.
    fn person(&mut self, action: &Action, agents: &[AgentId], phases: &[String]) {
        let hold = match action {
            Action::Pause { .. } | Action::Park { .. } => true,
            Action::Resume { .. } => false,
            _ => return,
        };
        for agent in agents {
            let ix = self.ix(agent);
            let seen = &mut self.agents[ix.ix()];
            seen.before = std::mem::replace(&mut seen.held, hold);
            // Let go on while it is being ended: nobody holds it after that.
            if !hold && seen.parking.is_some() {
                seen.parking = Some(false);
            }
        }
        for phase in phases {
            let ix = self.phase(phase);
            if hold {
                self.held.insert(ix);
            } else {
                self.held.remove(&ix);
            }
        }
    }

    fn finish(&mut self, record: &Record, ix: AgentIx, was: Was) {
        self.leave(ix);
        let seen = &mut self.agents[ix.ix()];
        if seen.live.is_some() {
            self.problem(record, "ended with a live process".into());
            return;
        }
        seen.was = Some(was);
        (seen.held, seen.blocked, seen.red) = (false, false, false);
    }

    /// Promise 7: done only after all its checks, gates and sub-agents.
    fn done(&mut self, record: &Record, ix: AgentIx) {
        let plan = &self.setup.plan;
        let agent = plan.agent(ix);
        let mut wanted: Vec<&str> = agent
            .gates
            .iter()
            .map(|g| plan.gates[g.ix()].id.as_str())
            .collect();
        if !agent.check.is_empty() {
            wanted.push("check");
        }
        let missing: Vec<String> = wanted
            .into_iter()
            .filter(|gate| !self.agents[ix.ix()].passed.contains(*gate))
            .map(str::to_owned)
            .collect();
        if !missing.is_empty() {
            self.problem(record, format!("done without {missing:?}"));
        }
        if !self.agents[ix.ix()].exit_ok && agent.work != Work::Group {
            self.problem(record, "done without its own work".into());
        }
        for &child in &self.setup.children[ix.ix()] {
            if self.agents[child.ix()].was() == Was::Open {
                self.problem(record, "done before its sub-agent".into());
            }
        }
    }

    fn may_start(&mut self, record: &Record, pressure: u32) {
        let mut wrong = Vec::new();
        if self.finished.is_some() || self.stopping {
            wrong.push("a start after the stop");
        }
        if self.degraded {
            wrong.push("a start while the journal has a fault");
        }
        if pressure >= 950 || self.halted {
            wrong.push("a start at or above 95 % memory");
        }
        for text in wrong {
            self.problem(record, text.into());
        }
    }

    fn needs_met(&mut self, record: &Record, ix: AgentIx) {
        let missing = self.needs_missing(ix);
        if !missing.is_empty() {
            self.problem(record, format!("started without {missing:?}"));
        }
    }

    fn needs_missing(&self, ix: AgentIx) -> Vec<String> {
        let plan = &self.setup.plan;
        let agent = plan.agent(ix);
        let mut missing = Vec::new();
        for need in agent.needs.iter().filter(|n| n.kind == NeedKind::Hard) {
            let from = &self.agents[need.agent.ix()];
            let met = match &need.when {
                When::Succeeded => from.was() == Was::Succeeded,
                When::Failed => matches!(from.was(), Was::Failed | Was::Stopped),
                When::Skipped => from.was() == Was::Skipped,
                When::Ended => from.was() != Was::Open,
                When::Output(path) => from.was() == Was::Succeeded && from.present.contains(path),
            };
            if !met {
                missing.push(format!("{} {:?}", plan.agent(need.agent).id, need.when));
            }
        }
        if let Some(parent) = agent.parent {
            if !self.agents[parent.ix()].own_done {
                missing.push(format!("parent {}", plan.agent(parent).id));
            }
            if plan.agent(parent).sub_agents == SubAgents::Sequential {
                for &sibling in self.setup.children[parent.ix()]
                    .iter()
                    .take_while(|&&s| s != ix)
                {
                    if self.agents[sibling.ix()].was() == Was::Open {
                        missing.push(format!("sibling {}", plan.agent(sibling).id));
                    }
                }
            }
        }
        missing
    }

    /// The first phase that an agent waits for and that has not passed.
    fn closed_before(&self, ix: AgentIx) -> Option<usize> {
        let plan = &self.setup.plan;
        let phase = plan.agent(ix).phase?;
        (0..phase.ix()).find(|&earlier| {
            let binds = match self.mode {
                Mode::Parallel => !plan.phases[earlier].gates.is_empty(),
                Mode::Sequential | Mode::Hybrid => plan.phases[earlier].barrier,
            };
            binds && !self.phases[earlier].0
        })
    }

    fn barriers_open(&mut self, record: &Record, ix: AgentIx) {
        if let Some(earlier) = self.closed_before(ix) {
            self.problem(record, format!("started before phase p{earlier} passed"));
        }
    }

    fn within_limits(&mut self, record: &Record, ix: AgentIx) {
        let plan = &self.setup.plan;
        let limits = &plan.limits;
        let moving = |keep: &dyn Fn(&wavedeck::plan::Agent, AgentIx) -> bool| {
            let n = plan
                .indices()
                .filter(|&o| self.holds_slot(o) && keep(plan.agent(o), o))
                .count();
            u32::try_from(n).unwrap()
        };
        let agent = plan.agent(ix);
        let mut over: Vec<String> = Vec::new();
        if self.slots() > self.cap() {
            over.push(format!("{} at once, {} allowed", self.slots(), self.cap()));
        }
        // A thaw takes no new memory, nor does who states none; a lease may be beyond the limit.
        if self.ram() > self.setup.ram_limit_bytes
            && !matches!(
                record.event,
                Event::AgentThawed { .. }
                    | Event::CheckThawed { .. }
                    | Event::AgentScheduled { ram_bytes: 0, .. }
            )
        {
            over.push("memory".into());
        }
        let cpus: u64 = plan
            .agents
            .iter()
            .zip(&self.agents)
            .filter_map(|(a, seen)| {
                seen.live
                    .filter(|_| !seen.frozen)
                    .map(|(_, m)| a.modes[m].cpus_milli)
            })
            .sum();
        if cpus > self.setup.cpus_milli {
            over.push("cpus".into());
        }
        for (name, &cap) in &limits.resources {
            let used: u64 = plan
                .agents
                .iter()
                .zip(&self.agents)
                .filter_map(|(a, seen)| seen.live.and_then(|(_, m)| a.modes[m].uses.get(name)))
                .sum();
            if used > cap {
                over.push(name.clone());
            }
        }
        if let Some(&cap) = limits.per_priority.get(&agent.priority)
            && moving(&|a, _| a.priority == agent.priority) > cap
        {
            over.push("priority class".into());
        }
        if let Some(&cap) = agent.phase.and_then(|p| limits.per_phase.get(&p))
            && moving(&|a, _| a.phase == agent.phase) > cap
        {
            over.push("phase".into());
        }
        if let Some(&cap) = agent.track.and_then(|t| limits.per_track.get(&t))
            && moving(&|a, _| a.track == agent.track) > cap
        {
            over.push("track".into());
        }
        if let Some(&cap) = limits.per_wave.get(&self.setup.wave(ix))
            && moving(&|_, o| self.setup.wave(o) == self.setup.wave(ix)) > cap
        {
            over.push("wave".into());
        }
        if let Some(cap) = limits.tracks {
            let tracks: BTreeSet<_> = plan
                .indices()
                .filter(|&o| self.holds_slot(o))
                .filter_map(|o| plan.agent(o).track)
                .collect();
            if tracks.len() > cap as usize && agent.track.is_some() {
                over.push("tracks".into());
            }
        }
        let beside = moving(&|a, o| o != ix && a.phase == agent.phase);
        let exclusive_beside = moving(&|a, o| o != ix && a.phase == agent.phase && a.exclusive);
        if (agent.exclusive && beside > 0) || exclusive_beside > 0 {
            over.push("an exclusive agent beside another".into());
        }
        for text in over {
            self.problem(record, format!("over the limit: {text}"));
        }
    }

    /// What must hold at the end: one end, every start ended, no failure hidden.
    fn end(&mut self) {
        let Some(status) = self.finished else {
            self.problems.push("no run.finished".into());
            return;
        };
        let plan = &self.setup.plan;
        for (agent, seen) in plan.agents.iter().zip(&self.agents) {
            if seen.live.is_some() {
                self.problems
                    .push(format!("{} has a start without an end", agent.id));
            }
        }
        let handled = |ix: usize| {
            plan.agents.iter().zip(&self.agents).any(|(a, seen)| {
                seen.was() == Was::Succeeded
                    && a.needs.iter().any(|n| {
                        n.agent.ix() == ix && n.kind == NeedKind::Hard && n.when == When::Failed
                    })
            })
        };
        // A part's failure is its parent's, and handled with it.
        let above = |ix: usize| {
            std::iter::successors(Some(ix), |&ix| plan.agents[ix].parent.map(AgentIx::ix))
                .any(handled)
        };
        let failed = self
            .agents
            .iter()
            .enumerate()
            .any(|(i, s)| s.was() == Was::Failed && !above(i));
        let red = self.phases.iter().any(|p| p.2)
            || self.agents.iter().any(|s| s.red)
            || self.cohorts.red();
        // A signal has a status of its own.
        let told = !self.stopping || self.stopped_by_person;
        if (failed || red) && told && status != 1 {
            self.problems
                .push(format!("a failure is hidden behind status {status}"));
        }
        let all_well = self.agents.iter().all(|s| s.was() == Was::Succeeded);
        let gates_open = self
            .phases
            .iter()
            .zip(&plan.phases)
            .all(|(p, plan)| p.0 || plan.gates.is_empty());
        if status == 0 && !self.cohorts.complete() {
            self.problems
                .push("status 0 though not all gates have passed".into());
        }
        let complete = all_well && gates_open && self.cohorts.complete() && !self.stopping;
        if complete && (status != 0) != self.merges.left {
            self.problems
                .push(format!("all done, and yet status {status}"));
        }
        let waits = self.agents.iter().any(|s| s.blocked) || self.queue.gate_asks();
        if waits && !failed && !red && !self.stopping && !matches!(status, 1 | 5) {
            self.problems.push(format!(
                "something waits for a person, and yet status {status}"
            ));
        }
        if !self.stopping && !self.setup.attended {
            for (agent, seen) in plan.agents.iter().zip(&self.agents) {
                if seen.was() == Was::Open && !seen.blocked {
                    self.problems
                        .push(format!("{} is left without an end", agent.id));
                }
            }
        }
        if status == 0 && self.agents.iter().any(|s| s.was() == Was::Open) {
            self.problems
                .push("status 0 with an agent that has not ended".into());
        }
    }
}
