//! The rules by which memory drives how much runs at once (DESIGN 8): band, steps, windows.
//!
//! Plain settings of a run. Must not measure or decide anything.

use serde::{Deserialize, Serialize};

/// Where pressure is to be kept, in permille.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Band {
    /// Below it more may run at once.
    pub low: u32,
    /// No start may lead beyond it; above it less is to run.
    pub high: u32,
}

/// Whose agents a step of [`Steps`] counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Per {
    /// Those of a phase.
    Phase,
    /// The sub-agents of one agent.
    Parent,
}

/// How many may run at once, by pressure: of the steps the first that begins above the pressure counts, beyond the
/// last one it is one agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Steps {
    /// Of whom.
    pub per: Per,
    /// Pressure in permille below which so many may run, rising.
    pub steps: Vec<(u32, u32)>,
}

/// How many run at once by pressure: the three strategies of requirement D2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Adaptation {
    /// One more below the band, one less above it, judged once a window.
    #[default]
    Continuous,
    /// So many of each phase, by steps of pressure.
    Phase,
    /// So many sub-agents of each agent, by steps of pressure.
    SubAgents,
}

impl Adaptation {
    /// Returns its steps (requirement D2); none where the band alone counts.
    #[must_use]
    pub fn steps(self) -> Option<Steps> {
        let (per, steps) = match self {
            Self::Continuous => return None,
            Self::Phase => (Per::Phase, [(400, 3), (800, 2), (950, 1)]),
            Self::SubAgents => (Per::Parent, [(300, 4), (700, 2), (900, 1)]),
        };
        Some(Steps {
            per,
            steps: steps.into(),
        })
    }
}

impl Steps {
    /// Returns how many may run at a pressure in permille; never none.
    #[must_use]
    pub fn cap(&self, pressure_permille: u32) -> u32 {
        let mut steps = self.steps.iter();
        let step = steps.find(|(below, _)| pressure_permille < *below);
        step.map_or(1, |step| step.1.max(1))
    }
}

/// All of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryRules {
    /// Where pressure is to be kept.
    pub band: Band,
    /// How many run at once.
    pub adaptation: Adaptation,
    /// Microseconds from one judgement to the next; also the time in which a zone does no more than one thing to an
    /// agent.
    pub window_us: u64,
    /// Microseconds for which a lease is waited for at most; then the command runs anyway.
    pub lease_wait_us: u64,
    /// Whether memory is looked at before a start at all; off only in tests that show what it is for.
    pub admission: bool,
}

impl Default for MemoryRules {
    /// No band: the whole of the budget may be used. `run` sets that of the machine's tier.
    fn default() -> Self {
        Self {
            band: Band {
                low: 1000,
                high: 1000,
            },
            adaptation: Adaptation::default(),
            window_us: 300 * 1_000_000,
            lease_wait_us: 1800 * 1_000_000,
            admission: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_those_of_the_requirement() {
        let phase = Adaptation::Phase.steps().unwrap();
        let at = |permille| phase.cap(permille);
        assert_eq!([at(0), at(399), at(400), at(800), at(950)], [3, 3, 2, 1, 1]);
        let parts = Adaptation::SubAgents.steps().unwrap();
        let at = |permille| parts.cap(permille);
        assert_eq!([at(0), at(299), at(300), at(700), at(900)], [4, 4, 2, 1, 1]);
        assert_eq!(Adaptation::Continuous.steps(), None);
    }
}
