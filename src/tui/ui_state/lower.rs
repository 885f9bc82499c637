//! What a person has chosen of the deck's lower panes: what stands there, and how the memory pane is sorted.
//!
//! Plain data; must not know rows or figures.

/// What stands beside the output where there is one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Beside {
    /// The status cards of the tracks.
    #[default]
    Cards,
    /// What happened lately.
    Lately,
    /// The merge queue.
    Merges,
    /// Who holds memory: in place of the output, over the whole width.
    Memory,
}

impl Beside {
    /// The next one; the merge queue only where work comes together.
    #[must_use]
    pub const fn next(self, merges: bool) -> Self {
        match self {
            Self::Cards => Self::Lately,
            Self::Lately if merges => Self::Merges,
            Self::Lately | Self::Merges => Self::Memory,
            Self::Memory => Self::Cards,
        }
    }
}

/// By what the rows of the memory pane are sorted; the most first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RamSort {
    /// What an agent's own processes hold.
    #[default]
    Own,
    /// The same with its share of the model server that it uses.
    Attributed,
    /// How fast that grows.
    Trend,
    /// The highest so far.
    Peak,
    /// As the plan has them.
    Plan,
}

impl RamSort {
    /// The next one.
    #[must_use]
    pub const fn next(self) -> Self {
        match self {
            Self::Own => Self::Attributed,
            Self::Attributed => Self::Trend,
            Self::Trend => Self::Peak,
            Self::Peak => Self::Plan,
            Self::Plan => Self::Own,
        }
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Attributed => "attributed",
            Self::Trend => "trend",
            Self::Peak => "peak",
            Self::Plan => "plan",
        }
    }
}

/// The memory pane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RamUi {
    /// How its rows are sorted.
    pub sort: RamSort,
    /// First visible row.
    pub first: usize,
    /// What stood beside the output before it was opened.
    pub before: Beside,
}
