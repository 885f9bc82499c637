//! The memory bars: what each is of, and how it is divided.
//!
//! Plain data for drawing.

use crate::engine::Zone;

/// What a share of memory is a share of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Base {
    /// What the machine has.
    #[default]
    Machine,
    /// What the plan lets agents use (`limits.ram`).
    Limit,
}

impl Base {
    /// Its name at the bar.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Machine => "machine",
            Self::Limit => "limit",
        }
    }
}

/// Memory against one base; the parts add up to the whole, but for agents above their limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Share {
    /// Resident in agents' trees, bytes.
    pub agents: u64,
    /// Used by all others, bytes; against the limit only model servers count.
    pub others: u64,
    /// Reserved for agents but not used yet, bytes.
    pub reserved: u64,
    /// All of it, bytes.
    pub whole: u64,
    /// What is used of it, permille.
    pub permille: u32,
}

impl Share {
    /// What is used, bytes.
    #[must_use]
    pub const fn used(&self) -> u64 {
        self.agents + self.others
    }

    /// What is neither used nor reserved, bytes.
    #[must_use]
    pub const fn free(&self) -> u64 {
        self.whole.saturating_sub(self.used() + self.reserved)
    }
}

/// The memory bars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// Of the machine.
    pub machine: Share,
    /// Of the limit.
    pub limit: Share,
    /// What admission can still give of the limit: what is not reserved, bytes.
    pub to_give: u64,
    /// The base of the larger share: pressure and zone are its.
    pub base: Base,
    /// The zone.
    pub zone: Zone,
    /// The next zone and in how many µs it comes, if memory grows on as it does; an estimate.
    pub next: Option<(Zone, u64)>,
    /// Nothing starts.
    pub halted: bool,
    /// Thresholds in permille: yellow, orange, red.
    pub marks: [u32; 3],
    /// Swap in use, bytes.
    pub swap: u64,
    /// Share of time in which tasks stalled for memory, permille.
    pub stall: u32,
    /// wavedeck's own, bytes.
    pub own: u64,
}

impl Memory {
    /// The share of a base.
    #[must_use]
    pub const fn share(&self, base: Base) -> &Share {
        match base {
            Base::Machine => &self.machine,
            Base::Limit => &self.limit,
        }
    }
}
