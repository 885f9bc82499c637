//! The commands of checks and gates, flattened.

use super::{DEFAULT_CHECK_RAM_BYTES, Setup};
use crate::plan::{AgentIx, Compare, PhaseIx};

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

    pub(in crate::engine) fn gate_steps(&self, gate: usize) -> impl Iterator<Item = CheckStep<'_>> {
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
}
