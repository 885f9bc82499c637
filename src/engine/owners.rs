//! Whose checks there are, and what they are: agents, phases, cohorts.
//!
//! Must not know how far a run is.

use super::{Cohort, CohortIx, CohortKind, Owner, Setup, setup::DEFAULT_CHECK_RAM_BYTES};
use crate::plan::{AgentIx, Argv, Compare, PhaseIx};

impl Setup {
    /// Returns the check commands of an agent, flattened: own acceptance commands, then its gates.
    #[must_use]
    pub fn checks(&self, ix: AgentIx) -> Vec<CheckStep<'_>> {
        let agent = self.plan.agent(ix);
        let own = agent.check.iter().map(|argv| CheckStep {
            gate: "check",
            argv,
            ram_bytes: DEFAULT_CHECK_RAM_BYTES,
            approve: None,
            repeat: 0,
            base: Compare::Asked,
        });
        own.chain(agent.gates.iter().flat_map(|g| self.gate_steps(g.ix())))
            .collect()
    }

    /// Returns the gate commands of a phase, flattened.
    #[must_use]
    pub fn phase_checks(&self, phase: PhaseIx) -> Vec<CheckStep<'_>> {
        self.plan.phases[phase.ix()]
            .gates
            .iter()
            .flat_map(|g| self.gate_steps(g.ix()))
            .collect()
    }

    pub(super) fn gate_steps(&self, gate: usize) -> impl Iterator<Item = CheckStep<'_>> {
        let gate = &self.plan.gates[gate];
        let commands = gate.run.iter().map(|argv| CheckStep {
            gate: &gate.id,
            argv,
            ram_bytes: gate.ram_bytes,
            approve: None,
            repeat: gate.repeat,
            base: gate.base,
        });
        // A person is asked when everything that a machine can check is green.
        let approval = gate.approve.as_deref().map(|question| CheckStep {
            gate: &gate.id,
            argv: &[],
            ram_bytes: 0,
            approve: Some(question),
            repeat: 0,
            base: Compare::Never,
        });
        commands.chain(approval)
    }

    /// Returns the gate commands of a cohort, flattened; for the run, its gates and then `verify`
    /// as one gate of that name.
    #[must_use]
    pub fn cohort_checks(&self, cohort: CohortIx) -> Vec<CheckStep<'_>> {
        let point = &self.cohorts[cohort.ix()];
        let gates = point.gates.iter().flat_map(|g| self.gate_steps(g.ix()));
        let verify: &[Argv] = match point.kind {
            CohortKind::Run => &self.plan.verify,
            CohortKind::Track(_) | CohortKind::Wave(_) => &[],
        };
        let verify = verify.iter().map(|argv| CheckStep {
            gate: "verify",
            argv,
            ram_bytes: DEFAULT_CHECK_RAM_BYTES,
            approve: None,
            repeat: 0,
            base: Compare::Asked,
        });
        gates.chain(verify).collect()
    }

    /// Returns the check commands of an owner, flattened; of an agent first those on what it left,
    /// then those before it starts.
    #[must_use]
    pub fn checks_of(&self, owner: Owner) -> Vec<CheckStep<'_>> {
        match owner {
            Owner::Agent(ix) => {
                let before = self.begin_checks(ix).into_iter().map(|(_, step)| step);
                self.checks(ix).into_iter().chain(before).collect()
            }
            Owner::Phase(ix) => self.phase_checks(ix),
            Owner::Cohort(ix) => self.cohort_checks(ix),
        }
    }

    /// Returns the agents that have to have ended before the gates of an owner are checked, in plan
    /// order; an agent itself is none.
    #[must_use]
    pub fn members_of(&self, owner: Owner) -> &[AgentIx] {
        match owner {
            Owner::Agent(_) => &[],
            Owner::Phase(ix) => &self.members[ix.ix()],
            Owner::Cohort(ix) => &self.cohorts[ix.ix()].members,
        }
    }

    /// Returns the name of an owner where agents, phases and cohorts stand beside each other: an
    /// agent's id, `phase:ID`, `track:ID`, `wave:N` or `run:gates`. No agent's id has a colon.
    #[must_use]
    pub fn key_of(&self, owner: Owner) -> String {
        match owner {
            Owner::Agent(ix) => self.plan.agent(ix).id.to_string(),
            Owner::Phase(ix) => format!("phase:{}", self.plan.phases[ix.ix()].id),
            Owner::Cohort(ix) => self.cohorts[ix.ix()].key().to_owned(),
        }
    }

    /// Returns whose gates judge more than one agent: phases, then cohorts, each by position.
    pub fn gated(&self) -> impl Iterator<Item = Owner> + use<> {
        let phases = (0..self.members.len()).map(|i| Owner::Phase(PhaseIx::of(i)));
        let cohorts = (0..self.cohorts.len()).map(|i| Owner::Cohort(CohortIx::of(i)));
        phases.chain(cohorts)
    }

    /// Finds a cohort by its name, or by its key.
    #[must_use]
    pub fn cohort_ix(&self, name: &str) -> Option<CohortIx> {
        let found = |point: &Cohort| point.name == name || point.key() == name;
        self.cohorts.iter().position(found).map(CohortIx::of)
    }
}

/// One check command, or one approval, with the gate that it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckStep<'a> {
    /// The gate's id, or `check`.
    pub gate: &'a str,
    /// The command; empty for an approval.
    pub argv: &'a [String],
    /// Memory reserved for it, in bytes.
    pub ram_bytes: u64,
    /// What a person is asked to approve, where it is no command.
    pub approve: Option<&'a str>,
    /// Times that it is run once more where it is red, at most.
    pub repeat: u32,
    /// When it is run on the base too where it is red.
    pub base: Compare,
}
