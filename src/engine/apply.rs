//! `State::apply`: the only mutation of a run's state.
//!
//! Cannot fail: an event about something unknown (a journal of a newer version, a damaged prefix)
//! changes only the sequence number and the clock. Must not decide, and never looks at time,
//! configuration or the system: everything it needs is in the event.

use crate::plan::{AgentId, AgentIx, PhaseIx, When};

use super::{
    Action, AgentState, AttemptEnd, Cause, CheckPlace, CheckRun, EdgeKind, Ending, Event, HoldBy,
    JobState, Live, Memory, Owner, PhaseStatus, Record, State, Status, StoppedBy,
    state::{Due, pack},
};

/// Where an edge stands, from the states of its ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum EdgeState {
    Open,
    Met,
    Lost,
}

impl State {
    /// Carries out one event.
    pub fn apply(&mut self, record: &Record) {
        self.seq = record.seq;
        self.at_ms = record.at_ms;
        let elapsed = record.elapsed_us.max(self.elapsed_us);
        if self.moving > 0 {
            let past = elapsed - self.counted_us;
            self.busy_us += past;
            self.work_us += past * u64::from(self.moving);
        }
        self.counted_us = elapsed;
        self.elapsed_us = elapsed;
        self.apply_event(&record.event, elapsed);
        self.peak_agents = self.peak_agents.max(self.usage.agents);
        self.peak_reserved_bytes = self.peak_reserved_bytes.max(self.usage.ram_bytes);
    }

    fn apply_event(&mut self, event: &Event, now: u64) {
        match event {
            Event::RunStarted {
                run, mode, boot_id, ..
            } => {
                self.run.clone_from(run);
                self.boot_id.clone_from(boot_id);
                self.started_ms = self.at_ms;
                self.mode = *mode;
            }
            Event::RunResumed {
                interrupted,
                boot_id,
                ..
            } => {
                self.boot_id.clone_from(boot_id);
                self.stopping = None;
                self.degraded = None;
                // Whoever goes on with the run takes its stop back; nothing of it may linger.
                for agent in &mut self.agents {
                    if let Some(live) = &mut agent.live {
                        live.ending.take_if(|ending| *ending == Ending::RunStop);
                    }
                    forget_stop(agent.check.as_mut());
                }
                for phase in &mut self.phases {
                    forget_stop(phase.check.as_mut());
                }
                for seen in interrupted {
                    if let Some(ix) = self.find(&seen.agent) {
                        let agent = &mut self.agents[ix.ix()];
                        agent.attempt = agent.attempt.max(seen.attempt);
                    }
                }
            }
            Event::RunStopped { by } => {
                self.stopping = Some(by.clone());
                for agent in &mut self.agents {
                    if let Some(live) = &mut agent.live {
                        live.ending.get_or_insert(Ending::RunStop);
                    }
                    end_check(agent.check.as_mut(), Ending::RunStop);
                }
                for phase in &mut self.phases {
                    end_check(phase.check.as_mut(), Ending::RunStop);
                }
            }
            Event::RunDegraded { error } => self.degraded.clone_from(error),
            Event::RunFinished {
                status, summary, ..
            } => {
                self.finished = Some(*status);
                self.summary = Some(summary.clone());
            }
            Event::OperatorAction { action, agents, .. } => self.apply_action(action, agents),
            Event::ModeChanged { to, agents_cap, .. } => {
                self.mode = *to;
                self.agents_cap = *agents_cap;
                self.ready = self.ready.iter().map(|r| self.rank(r.agent)).collect();
                self.resting = self.resting.iter().map(|r| self.rank(r.agent)).collect();
            }
            Event::PhaseStarted { phase } => {
                self.with_phase(phase, |p| p.status = PhaseStatus::Running);
            }
            Event::PhaseChecking { phase, attempt } => {
                self.apply_phase_checking(phase, *attempt, now);
            }
            Event::PhaseReopened { phase } => {
                if let Some(ix) = self.phase_ix(phase) {
                    self.settling.remove(&pack(Owner::Phase(ix)));
                    self.phases[ix.ix()].status = PhaseStatus::Running;
                    self.phases[ix.ix()].check = None;
                }
            }
            Event::PhaseCompleted { phase } => {
                self.close_phase(phase, PhaseStatus::Completed, None);
            }
            Event::PhaseFailed { phase, reason } => {
                self.close_phase(phase, PhaseStatus::Failed, Some(reason.clone()));
            }
            Event::WaveCompleted { wave } => {
                self.waves_due.remove(wave);
                self.waves_done.insert(*wave);
            }
            Event::CheckpointMade { .. } | Event::GatePassed { .. } => {}
            Event::ZoneChanged { to, halted, .. } => {
                self.memory = Memory {
                    zone: *to,
                    halted: *halted,
                }
            }
            Event::CheckQueued { place } => {
                if let Some(owner) = self.owner(place) {
                    self.settling.remove(&pack(owner));
                    self.checks_pending.insert(pack(owner));
                    self.with_check(owner, |check| {
                        check.step = place.step;
                        check.job = JobState::Pending;
                        check.since_us = now;
                    });
                }
            }
            Event::CheckScheduled {
                place, ram_bytes, ..
            } => {
                if let Some(owner) = self.owner(place) {
                    self.checks_pending.remove(&pack(owner));
                    self.book_check(owner, *ram_bytes, true);
                    self.processes += 1;
                    self.with_check(owner, |check| {
                        check.job = JobState::Scheduled;
                        check.since_us = now;
                    });
                }
            }
            Event::CheckStarted { place, handle } => {
                if let Some(owner) = self.owner(place) {
                    self.with_check(owner, |check| {
                        check.job = JobState::Running(handle.clone());
                        check.since_us = now;
                    });
                }
            }
            Event::CheckEnded { place, exit, .. } => {
                if let Some(owner) = self.owner(place) {
                    let ram = self
                        .checks_of(owner)
                        .get(place.step as usize)
                        .map_or(0, |step| step.ram_bytes);
                    self.book_check(owner, ram, false);
                    self.processes = self.processes.saturating_sub(1);
                    self.settling.insert(pack(owner));
                    self.with_check(owner, |check| {
                        check.job = JobState::Ended(exit.clone());
                        check.since_us = now;
                    });
                }
            }
            Event::GateFailed { place, .. } => {
                self.red_checks += 1;
                if let Some(phase) = &place.phase {
                    self.with_phase(phase, |p| p.gate_red = true);
                }
            }
            _ => {
                if let Some(ix) = event.agent().and_then(|id| self.find(id)) {
                    self.apply_agent(ix, event, now);
                }
            }
        }
    }

    fn apply_agent(&mut self, ix: AgentIx, event: &Event, now: u64) {
        match event {
            Event::AgentReady { .. } => {
                self.unschedule(ix);
                self.set(ix, Status::Ready, now);
                self.ready.insert(self.rank(ix));
            }
            Event::AgentSkipped {
                reason,
                by_condition,
                ..
            } => {
                self.agents[ix.ix()].reason = Some(reason.clone());
                self.agents[ix.ix()].by_condition = *by_condition;
                self.finalize(ix, Status::Skipped, now);
            }
            Event::AgentScheduled { attempt, mode, .. } => {
                self.ready.remove(&self.rank(ix));
                self.set(ix, Status::Scheduled, now);
                let agent = &mut self.agents[ix.ix()];
                agent.attempt = *attempt;
                agent.mode = *mode;
                agent.started_us.get_or_insert(now);
                agent.live = Some(Live {
                    handle: None,
                    clock_from_us: now,
                    clock_us: 0,
                    ending: None,
                });
                self.processes += 1;
                let mode = self.mode_of(ix).clone();
                let setup = self.setup.clone();
                self.usage.slot(&setup, ix, mode.cpus_milli, true);
                self.usage.held(&mode, true);
                self.usage.spend(&mode);
            }
            Event::AgentStarted { handle, .. } => {
                self.set(ix, Status::Running, now);
                self.moving += 1;
                if let Some(live) = &mut self.agents[ix.ix()].live {
                    live.handle = Some(handle.clone());
                    live.clock_from_us = now;
                }
                self.arm(ix, now);
            }
            Event::AgentQuiet { quiet, .. } => self.agents[ix.ix()].quiet = *quiet,
            Event::AgentTimeout { .. } => {
                self.disarm(ix);
                if let Some(live) = &mut self.agents[ix.ix()].live {
                    live.ending.get_or_insert(Ending::Timeout);
                }
            }
            Event::AttemptEnded {
                attempt,
                exit,
                peak_bytes,
                leaked,
                present,
                ..
            } => {
                self.end_attempt(ix, now, |ran_us, ending| AttemptEnd {
                    attempt: *attempt,
                    exit: exit.clone(),
                    ending,
                    ran_us,
                    peak_bytes: *peak_bytes,
                    leaked: *leaked,
                    present: present.clone(),
                });
            }
            Event::AgentRetrying {
                cause,
                delay_us,
                reason,
                ..
            } => {
                self.leave_check(ix);
                self.reopen(ix);
                self.retries += 1;
                let agent = &mut self.agents[ix.ix()];
                agent.reason = Some(reason.clone());
                agent.failure = None;
                agent.own_done = false;
                match cause {
                    Cause::Failure => agent.failures += 1,
                    Cause::Operator => agent.failures = 0,
                    _ => {}
                }
                if *delay_us == 0 {
                    self.set(ix, Status::Ready, now);
                    self.ready.insert(self.rank(ix));
                } else {
                    agent.until_us = now + delay_us;
                    let due = Due {
                        at_us: now + delay_us,
                        agent: ix,
                    };
                    self.set(ix, Status::BackingOff, now);
                    self.due.insert(due);
                }
                for &child in &self.setup.clone().children[ix.ix()] {
                    self.recount(child);
                }
                self.await_needs(ix);
            }
            Event::AgentJoining { .. } => {
                self.reopen(ix);
                self.agents[ix.ix()].own_done = true;
                self.agents[ix.ix()].reason = None;
                self.agents[ix.ix()].started_us.get_or_insert(now);
                self.set(ix, Status::Joining, now);
                for &child in &self.setup.clone().children[ix.ix()] {
                    self.recount(child);
                }
                if self.agents[ix.ix()].children_open == 0 {
                    self.settling.insert(pack(Owner::Agent(ix)));
                }
            }
            Event::AgentChecking { attempt, .. } => {
                let steps = u32::try_from(self.setup.checks(ix).len()).unwrap_or(u32::MAX);
                self.unschedule(ix);
                self.set(ix, Status::Checking, now);
                self.agents[ix.ix()].check = Some(CheckRun {
                    attempt: *attempt,
                    step: 0,
                    steps,
                    job: JobState::Pending,
                    since_us: now,
                    ending: None,
                });
                self.checks_pending.insert(pack(Owner::Agent(ix)));
                let setup = self.setup.clone();
                self.usage.slot(&setup, ix, 0, true);
            }
            Event::AgentFrozen { cause, .. } => {
                self.disarm(ix);
                let clock = self.clock_us(ix, now);
                if self.agents[ix.ix()].status == Status::Running {
                    self.moving = self.moving.saturating_sub(1);
                    let cpus = self.mode_of(ix).cpus_milli;
                    let setup = self.setup.clone();
                    self.usage.slot(&setup, ix, cpus, false);
                }
                self.set(ix, Status::Frozen, now);
                let agent = &mut self.agents[ix.ix()];
                agent.quiet = false;
                agent.frozen_tree = None;
                if let Some(live) = &mut agent.live {
                    live.clock_us = clock;
                }
                if *cause == Cause::KillSwitch {
                    agent.hold = Some(HoldBy::Rule);
                    self.resting.insert(self.rank(ix));
                } else {
                    agent.hold = Some(HoldBy::Operator);
                }
            }
            Event::AgentFreezeVerified { stopped, total, .. } => {
                self.agents[ix.ix()].frozen_tree = Some((*stopped, *total));
            }
            Event::AgentThawed { .. } => {
                self.resting.remove(&self.rank(ix));
                let cpus = self.mode_of(ix).cpus_milli;
                let setup = self.setup.clone();
                self.usage.slot(&setup, ix, cpus, true);
                self.moving += 1;
                self.set(ix, Status::Running, now);
                let agent = &mut self.agents[ix.ix()];
                agent.hold = None;
                agent.frozen_tree = None;
                if let Some(live) = &mut agent.live {
                    live.clock_from_us = now;
                }
                self.arm(ix, now);
            }
            Event::AgentBlocked { reason, .. } => {
                self.leave_check(ix);
                self.unschedule(ix);
                self.agents[ix.ix()].reason = Some(reason.clone());
                self.set(ix, Status::Blocked, now);
            }
            Event::AgentFailed {
                failure, reason, ..
            } => {
                self.agents[ix.ix()].reason = Some(reason.clone());
                self.agents[ix.ix()].failure = Some(*failure);
                self.finalize(ix, Status::Failed, now);
            }
            Event::AgentStopped { .. } => self.finalize(ix, Status::Stopped, now),
            Event::AgentCompleted { .. } => {
                self.agents[ix.ix()].reason = None;
                self.finalize(ix, Status::Succeeded, now);
            }
            _ => {}
        }
    }

    fn apply_action(&mut self, action: &Action, agents: &[AgentId]) {
        let targets: Vec<AgentIx> = agents.iter().filter_map(|id| self.find(id)).collect();
        match action {
            Action::Pause { .. } => {
                for ix in targets {
                    if !self.agent(ix).status.is_final() {
                        self.resting.remove(&self.rank(ix));
                        self.agents[ix.ix()].hold = Some(HoldBy::Operator);
                    }
                }
            }
            Action::Resume { .. } => {
                for ix in targets {
                    self.agents[ix.ix()].hold = None;
                    if self.agent(ix).status == Status::Frozen {
                        self.resting.insert(self.rank(ix));
                    }
                }
            }
            Action::Stop { target: Some(_) } => {
                for ix in targets {
                    let agent = &mut self.agents[ix.ix()];
                    if let Some(live) = &mut agent.live {
                        // A stop outranks whatever else was ending it.
                        live.ending = Some(Ending::Stop);
                    }
                    end_check(agent.check.as_mut(), Ending::Stop);
                }
            }
            Action::Swap { worker, .. } => {
                for ix in targets {
                    let plan = &self.setup.plan;
                    let to = plan.agent(ix).modes.iter().position(|mode| {
                        mode.worker.map(|w| plan.workers[w.ix()].name.as_str()) == worker.as_deref()
                    });
                    let agent = &mut self.agents[ix.ix()];
                    agent.swap_to = to.and_then(|to| u32::try_from(to).ok());
                    if let Some(live) = &mut agent.live {
                        live.ending.get_or_insert(Ending::Swap);
                    }
                }
            }
            Action::Sequential { .. } => {
                // What is being started is frozen as soon as it runs; what runs already is frozen
                // by events of its own.
                for ix in targets {
                    if self.agent(ix).status == Status::Scheduled {
                        self.agents[ix.ix()].hold.get_or_insert(HoldBy::Rule);
                    }
                }
            }
            Action::Stop { target: None }
            | Action::Retry { .. }
            | Action::Mode { .. }
            | Action::Agents { .. } => {}
        }
    }

    /// Removes an agent from every list that its present state put it on.
    fn unschedule(&mut self, ix: AgentIx) {
        let rank = self.rank(ix);
        self.ready.remove(&rank);
        self.resting.remove(&rank);
        self.movable.remove(&ix);
        self.settling.remove(&pack(Owner::Agent(ix)));
        self.checks_pending.remove(&pack(Owner::Agent(ix)));
        self.disarm(ix);
    }

    fn set(&mut self, ix: AgentIx, status: Status, now: u64) {
        self.settling.remove(&pack(Owner::Agent(ix)));
        self.movable.remove(&ix);
        let agent = &mut self.agents[ix.ix()];
        agent.status = status;
        agent.since_us = now;
    }

    /// Puts the end of the time limit of a running attempt on the list.
    fn arm(&mut self, ix: AgentIx, now: u64) {
        if let Some(limit) = self.setup.plan.agent(ix).timeout_us
            && let Some(live) = &self.agents[ix.ix()].live
            && live.ending.is_none()
        {
            let at_us = now + limit.saturating_sub(live.clock_us);
            self.agents[ix.ix()].until_us = at_us;
            self.due.insert(Due { at_us, agent: ix });
        }
    }

    fn disarm(&mut self, ix: AgentIx) {
        self.due.remove(&Due {
            at_us: self.agents[ix.ix()].until_us,
            agent: ix,
        });
    }

    fn end_attempt(
        &mut self,
        ix: AgentIx,
        now: u64,
        end: impl FnOnce(u64, Option<Ending>) -> AttemptEnd,
    ) {
        let ran_us = self.clock_us(ix, now);
        let status = self.agent(ix).status;
        let mode = self.mode_of(ix).clone();
        let setup = self.setup.clone();
        if status == Status::Running {
            self.moving = self.moving.saturating_sub(1);
        }
        if matches!(status, Status::Scheduled | Status::Running) {
            self.usage.slot(&setup, ix, mode.cpus_milli, false);
        }
        self.usage.held(&mode, false);
        self.unschedule(ix);
        self.processes = self.processes.saturating_sub(1);
        self.set(ix, Status::Settling, now);
        self.settling.insert(pack(Owner::Agent(ix)));
        let agent = &mut self.agents[ix.ix()];
        let ending = agent.live.take().and_then(|live| live.ending);
        let end = end(ran_us, ending);
        agent.ran_us += ran_us;
        agent.peak_bytes = agent.peak_bytes.max(end.peak_bytes);
        agent.quiet = false;
        agent.frozen_tree = None;
        if agent.hold == Some(HoldBy::Rule) {
            agent.hold = None;
        }
        agent.last = Some(end);
    }

    /// Gives the slot of an agent's checks back.
    fn leave_check(&mut self, ix: AgentIx) {
        if self.agent(ix).status == Status::Checking {
            let setup = self.setup.clone();
            self.usage.slot(&setup, ix, 0, false);
            self.checks_pending.remove(&pack(Owner::Agent(ix)));
            self.agents[ix.ix()].check = None;
        }
    }

    /// Brings an agent into a final state and tells its wave, phase, parent and successors.
    fn finalize(&mut self, ix: AgentIx, status: Status, now: u64) {
        self.leave_check(ix);
        self.unschedule(ix);
        self.set(ix, status, now);
        self.agents[ix.ix()].ended_us = Some(now);
        self.agents[ix.ix()].hold = None;
        let setup = self.setup.clone();
        let wave = setup.wave(ix);
        let open = &mut self.wave_open[wave as usize - 1];
        *open = open.saturating_sub(1);
        if *open == 0 && !self.waves_done.contains(&wave) {
            self.waves_due.insert(wave);
        }
        if let Some(phase) = setup.plan.agent(ix).phase {
            let p = &mut self.phases[phase.ix()];
            p.open = p.open.saturating_sub(1);
            if p.open == 0 {
                self.phases_due.insert(phase);
            }
        }
        if let Some(parent) = setup.plan.agent(ix).parent {
            let p = &mut self.agents[parent.ix()];
            p.children_open = p.children_open.saturating_sub(1);
            if p.children_open == 0 && p.status == Status::Joining {
                self.settling.insert(pack(Owner::Agent(parent)));
            }
        }
        for edge in &setup.edges_out[ix.ix()] {
            let to = edge.to;
            match edge.kind {
                EdgeKind::Soft => {
                    let (ready, resting) = (
                        self.ready.remove(&self.rank(to)),
                        self.resting.remove(&self.rank(to)),
                    );
                    let agent = &mut self.agents[to.ix()];
                    agent.soft_open = agent.soft_open.saturating_sub(1);
                    if ready {
                        self.ready.insert(self.rank(to));
                    }
                    if resting {
                        self.resting.insert(self.rank(to));
                    }
                }
                // Counted when the parent's own process ended well.
                EdgeKind::SubAgent if self.agent(ix).own_done => {}
                EdgeKind::Sibling => self.pass_turn(to),
                EdgeKind::SubAgent | EdgeKind::Need(_) => {
                    match self.edge_state(edge) {
                        EdgeState::Met => {
                            let agent = &mut self.agents[to.ix()];
                            agent.needs_open = agent.needs_open.saturating_sub(1);
                        }
                        EdgeState::Lost => self.agents[to.ix()].needs_lost += 1,
                        EdgeState::Open => {}
                    }
                    self.note_movable(to);
                }
            }
        }
    }

    /// A sub-agent in sequence may go when *all* before it have ended; some of them may have been
    /// skipped or stopped before their turn.
    fn pass_turn(&mut self, mut ix: AgentIx) {
        let setup = self.setup.clone();
        loop {
            self.recount(ix);
            let next = setup.edges_out[ix.ix()]
                .iter()
                .find(|e| e.kind == EdgeKind::Sibling);
            match next {
                Some(edge) if self.agent(ix).status.is_final() => ix = edge.to,
                _ => return,
            }
        }
    }

    /// Whether an agent and all its siblings before it have ended.
    fn turn_over(&self, mut ix: AgentIx) -> bool {
        while self.agent(ix).status.is_final() {
            let before = self.setup.edges_in[ix.ix()]
                .iter()
                .find(|e| e.kind == EdgeKind::Sibling);
            match before {
                Some(edge) => ix = edge.from,
                None => return true,
            }
        }
        false
    }

    fn note_movable(&mut self, ix: AgentIx) {
        let agent = self.agent(ix);
        let movable =
            agent.status == Status::Waiting && (agent.needs_lost > 0 || agent.needs_open == 0);
        if movable {
            self.movable.insert(ix);
        } else {
            self.movable.remove(&ix);
        }
    }

    fn edge_state(&self, edge: &super::Edge) -> EdgeState {
        let from = self.agent(edge.from);
        let met = match &edge.kind {
            EdgeKind::SubAgent if from.own_done => return EdgeState::Met,
            EdgeKind::Sibling if self.turn_over(edge.from) => return EdgeState::Met,
            EdgeKind::Sibling => return EdgeState::Open,
            EdgeKind::Soft => from.status.is_final(),
            EdgeKind::SubAgent => false,
            EdgeKind::Need(when) => match (when, from.status) {
                (When::Ended, status) => status.is_final(),
                (When::Succeeded, Status::Succeeded)
                | (When::Failed, Status::Failed | Status::Stopped)
                | (When::Skipped, Status::Skipped) => true,
                (When::Output(path), Status::Succeeded) => from
                    .last
                    .as_ref()
                    .is_some_and(|last| last.present.contains(path)),
                _ => false,
            },
        };
        match (met, from.status.is_final()) {
            (true, _) => EdgeState::Met,
            (false, true) => EdgeState::Lost,
            (false, false) => EdgeState::Open,
        }
    }

    /// Counts the needs of a waiting agent anew.
    fn recount(&mut self, ix: AgentIx) {
        let setup = self.setup.clone();
        let (mut open, mut lost, mut soft) = (0, 0, 0);
        for edge in &setup.edges_in[ix.ix()] {
            match (&edge.kind, self.edge_state(edge)) {
                (_, EdgeState::Met) => {}
                (EdgeKind::Soft, _) => soft += 1,
                (_, EdgeState::Open) => open += 1,
                (_, EdgeState::Lost) => {
                    open += 1;
                    lost += 1;
                }
            }
        }
        let (ready, resting) = (
            self.ready.remove(&self.rank(ix)),
            self.resting.remove(&self.rank(ix)),
        );
        let agent = &mut self.agents[ix.ix()];
        agent.needs_open = open;
        agent.needs_lost = lost;
        agent.soft_open = soft;
        if ready {
            self.ready.insert(self.rank(ix));
        }
        if resting {
            self.resting.insert(self.rank(ix));
        }
        self.await_needs(ix);
        self.note_movable(ix);
    }

    /// Sends an agent that was about to start back to waiting when a need of it is open again
    /// (its predecessor is being tried again).
    fn await_needs(&mut self, ix: AgentIx) {
        let agent = self.agent(ix);
        if agent.needs_open > 0 && matches!(agent.status, Status::Ready | Status::BackingOff) {
            let now = self.elapsed_us;
            self.unschedule(ix);
            self.set(ix, Status::Waiting, now);
            self.note_movable(ix);
        }
    }

    /// Takes an agent out of a final or blocked state again, and with it whatever was skipped
    /// because of it; its own new state is set by the caller.
    fn reopen(&mut self, ix: AgentIx) {
        let was_final = self.agent(ix).status.is_final();
        self.unschedule(ix);
        if !was_final {
            return;
        }
        let setup = self.setup.clone();
        // Iterative: chains can be ten thousand agents long.
        let mut open = vec![ix];
        while let Some(ix) = open.pop() {
            let agent: &mut AgentState = &mut self.agents[ix.ix()];
            agent.status = Status::Waiting;
            agent.ended_us = None;
            agent.reason = None;
            agent.by_condition = false;
            self.wave_open[setup.wave(ix) as usize - 1] += 1;
            self.waves_due.remove(&setup.wave(ix));
            if let Some(phase) = setup.plan.agent(ix).phase {
                self.reopen_phase(phase);
                self.phases[phase.ix()].open += 1;
            }
            if let Some(parent) = setup.plan.agent(ix).parent {
                self.agents[parent.ix()].children_open += 1;
                self.settling.remove(&pack(Owner::Agent(parent)));
            }
            for edge in &setup.edges_out[ix.ix()] {
                if self.agent(edge.to).status == Status::Skipped && self.may_reopen(edge.to) {
                    open.push(edge.to);
                    // Marked at once, so that a second edge does not open it twice.
                    self.agents[edge.to.ix()].status = Status::Waiting;
                }
            }
            self.recount(ix);
            for edge in &setup.edges_out[ix.ix()] {
                self.recount(edge.to);
            }
        }
    }

    /// A skipped sub-agent stays skipped when its parent has closed without it.
    fn may_reopen(&self, ix: AgentIx) -> bool {
        self.setup.plan.agent(ix).parent.is_none_or(|parent| {
            let status = self.agent(parent).status;
            !status.is_final() && !matches!(status, Status::Checking | Status::Blocked)
        })
    }

    fn reopen_phase(&mut self, phase: PhaseIx) {
        self.phases_due.remove(&phase);
        let p = &mut self.phases[phase.ix()];
        if let Some(check) = &mut p.check {
            if matches!(check.job, JobState::Scheduled | JobState::Running(_)) {
                check.ending.get_or_insert(Ending::Reopened);
                return;
            }
            p.check = None;
            p.status = PhaseStatus::Running;
            self.checks_pending.remove(&pack(Owner::Phase(phase)));
            self.settling.remove(&pack(Owner::Phase(phase)));
        }
        let p = &mut self.phases[phase.ix()];
        if matches!(p.status, PhaseStatus::Failed | PhaseStatus::Completed) {
            p.status = PhaseStatus::Running;
            p.reason = None;
            p.gate_red = false;
        }
    }

    fn with_phase(&mut self, id: &str, change: impl FnOnce(&mut super::PhaseState)) {
        if let Some(ix) = self.phase_ix(id) {
            change(&mut self.phases[ix.ix()]);
        }
    }

    /// Finds a phase by id.
    #[must_use]
    pub fn phase_ix(&self, id: &str) -> Option<PhaseIx> {
        self.setup
            .plan
            .phases
            .iter()
            .position(|p| p.id == id)
            .map(PhaseIx::of)
    }

    fn apply_phase_checking(&mut self, id: &str, attempt: u32, now: u64) {
        let Some(ix) = self.phase_ix(id) else { return };
        self.phases_due.remove(&ix);
        let steps = u32::try_from(self.setup.phase_checks(ix).len()).unwrap_or(u32::MAX);
        let phase = &mut self.phases[ix.ix()];
        phase.status = PhaseStatus::Checking;
        phase.attempt = attempt;
        phase.gate_red = false;
        phase.reason = None;
        phase.check = Some(CheckRun {
            attempt,
            step: 0,
            steps,
            job: JobState::Pending,
            since_us: now,
            ending: None,
        });
        self.checks_pending.insert(pack(Owner::Phase(ix)));
    }

    fn close_phase(&mut self, id: &str, status: PhaseStatus, reason: Option<String>) {
        let Some(ix) = self.phase_ix(id) else { return };
        self.phases_due.remove(&ix);
        self.settling.remove(&pack(Owner::Phase(ix)));
        self.checks_pending.remove(&pack(Owner::Phase(ix)));
        let phase = &mut self.phases[ix.ix()];
        phase.status = status;
        phase.reason = reason;
        phase.check = None;
    }

    /// Finds whom a check belongs to.
    #[must_use]
    pub fn owner(&self, place: &CheckPlace) -> Option<Owner> {
        match (&place.agent, &place.phase) {
            (Some(agent), _) => self.find(agent).map(Owner::Agent),
            (None, Some(phase)) => self.phase_ix(phase).map(Owner::Phase),
            (None, None) => None,
        }
    }

    fn with_check(&mut self, owner: Owner, change: impl FnOnce(&mut CheckRun)) {
        let check = match owner {
            Owner::Agent(ix) => self.agents[ix.ix()].check.as_mut(),
            Owner::Phase(ix) => self.phases[ix.ix()].check.as_mut(),
        };
        if let Some(check) = check {
            change(check);
        }
    }

    fn book_check(&mut self, owner: Owner, ram_bytes: u64, take: bool) {
        match owner {
            Owner::Agent(_) => self.usage.check(ram_bytes, take),
            Owner::Phase(_) => self.usage.phase_check(ram_bytes, take),
        }
    }

    /// Returns whether the run was stopped by the loss of its guard.
    #[must_use]
    pub fn guard_lost(&self) -> bool {
        self.stopping == Some(StoppedBy::GuardLost)
    }
}

fn forget_stop(check: Option<&mut CheckRun>) {
    if let Some(check) = check {
        check.ending.take_if(|ending| *ending == Ending::RunStop);
    }
}

fn end_check(check: Option<&mut CheckRun>, ending: Ending) {
    if let Some(check) = check {
        check.ending.get_or_insert(ending);
    }
}
