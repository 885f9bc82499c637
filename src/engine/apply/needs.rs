//! Needs: what the end of an agent, or its new start, means for those that wait for it.
//!
//! Must not admit anything: it only keeps the counts and the lists that decisions read.

use crate::plan::{AgentIx, When};

use crate::engine::{
    AgentState, CohortIx, Edge, EdgeKind, Owner, PhaseStatus, State, Status, state::pack,
};

/// Where an edge stands, from the states of its ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum EdgeState {
    Open,
    Met,
    Lost,
}

impl State {
    /// Brings an agent into a final state and tells its wave, phase, parent and successors.
    pub(super) fn finalize(&mut self, ix: AgentIx, status: Status, now: u64) {
        self.leave_check(ix);
        self.leave_merging(ix);
        self.close_conflict(ix, "given up");
        self.unschedule(ix);
        self.set(ix, status, now);
        self.agents[ix.ix()].ended_us = Some(now);
        self.agents[ix.ix()].ended_ms = self.at_ms;
        self.hold(ix, None);
        if let Some(talk) = &mut self.agents[ix.ix()].talk {
            talk.wished = None;
        }
        self.note_handled(ix);
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
                self.gates_due.insert(pack(Owner::Phase(phase)));
            }
        }
        for &cohort in &setup.cohorts_of[ix.ix()] {
            let s = &mut self.cohorts[cohort.ix()];
            s.open = s.open.saturating_sub(1);
            if s.open == 0 {
                self.gates_due.insert(pack(Owner::Cohort(cohort)));
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
                    self.ranked_anew(to, |agent| {
                        agent.soft_open = agent.soft_open.saturating_sub(1);
                    });
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

    /// Whether no failure stands behind a skip, but something that waits for a person or was
    /// stopped by one: the status of the run comes from there.
    pub(super) fn left_behind(&self, ix: AgentIx) -> bool {
        self.setup.edges_in[ix.ix()].iter().all(|edge| {
            let from = self.agent(edge.from);
            edge.kind == EdgeKind::Soft
                || self.edge_state(edge) != EdgeState::Lost
                || match from.status {
                    Status::Stopped => true,
                    Status::Skipped => from.left,
                    _ => false,
                }
        })
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

    fn edge_state(&self, edge: &Edge) -> EdgeState {
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
    pub(super) fn recount(&mut self, ix: AgentIx) {
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
        let closed = setup.closed_by[ix.ix()].iter();
        let shut = |cohort: &&CohortIx| self.cohorts[cohort.ix()].status != PhaseStatus::Completed;
        open += closed.filter(shut).map(|_| 1).sum::<u32>();
        self.ranked_anew(ix, |agent| {
            agent.needs_open = open;
            agent.needs_lost = lost;
            agent.soft_open = soft;
        });
        self.await_needs(ix);
        self.note_movable(ix);
    }

    /// Changes what an agent's rank is made of; the lists that it stands on by its rank follow.
    fn ranked_anew(&mut self, ix: AgentIx, change: impl FnOnce(&mut AgentState)) {
        self.delist(ix);
        let before = self.rank(ix);
        let (resting, parked) = (self.resting.remove(&before), self.parked.remove(&before));
        change(&mut self.agents[ix.ix()]);
        self.enlist(ix);
        let rank = self.rank(ix);
        if resting {
            self.resting.insert(rank);
        }
        if parked {
            self.parked.insert(rank);
        }
    }

    /// Sends an agent that was about to start back to waiting when a need of it is open again
    /// (its predecessor is being tried again).
    pub(super) fn await_needs(&mut self, ix: AgentIx) {
        let agent = self.agent(ix);
        let begins = self.begins(ix) && !self.begin_runs(ix);
        let starts = begins || matches!(agent.status, Status::Ready | Status::BackingOff);
        if agent.needs_open > 0 && starts {
            let now = self.elapsed_us;
            self.leave_check(ix);
            self.unschedule(ix);
            self.set(ix, Status::Waiting, now);
            self.note_movable(ix);
        }
    }

    /// Takes an agent out of a final or blocked state again, and with it whatever was skipped
    /// because of it; its own new state is set by the caller.
    pub(super) fn reopen(&mut self, ix: AgentIx) {
        let was_final = self.agent(ix).status.is_final();
        self.hand_over_again();
        self.unschedule(ix);
        let setup = self.setup.clone();
        // Iterative: chains can be ten thousand agents long.
        let mut open = vec![ix];
        if !was_final {
            // It waited for a person, and others were given up because of that.
            open.clear();
            for edge in &setup.edges_out[ix.ix()] {
                let to = self.agent(edge.to);
                let given_up = to.status == Status::Skipped && to.left;
                if given_up && self.may_reopen(edge.to) {
                    open.push(edge.to);
                    self.agents[edge.to.ix()].status = Status::Waiting;
                }
            }
        }
        while let Some(ix) = open.pop() {
            let agent: &mut AgentState = &mut self.agents[ix.ix()];
            agent.status = Status::Waiting;
            agent.ended_us = None;
            agent.reason = None;
            agent.by_condition = false;
            agent.left = false;
            self.note_attention(ix, Status::Waiting);
            self.note_handled(ix);
            self.awaits(&setup, ix);
            if let Some(parent) = setup.plan.agent(ix).parent {
                self.agents[parent.ix()].children_open += 1;
                // It waits for this part again; any other verdict on it is about itself.
                if self.agent(parent).status == Status::Joining {
                    self.settling.remove(&pack(Owner::Agent(parent)));
                }
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
                match edge.kind {
                    // It is before all that come after it, not before the next one alone.
                    EdgeKind::Sibling => self.pass_turn(edge.to),
                    _ => self.recount(edge.to),
                }
            }
        }
    }

    /// A skipped sub-agent stays skipped when its parent has closed without it.
    fn may_reopen(&self, ix: AgentIx) -> bool {
        self.setup.plan.agent(ix).parent.is_none_or(|parent| {
            let AgentState {
                status, own_done, ..
            } = self.agent(parent);
            let closed = *own_done && matches!(status, Status::Checking | Status::Blocked);
            !status.is_final() && !closed
        })
    }
}
