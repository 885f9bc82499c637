//! Sizes of the deck's panes, as a person has chosen them, and what of the deck is remembered.
//!
//! Plain data; whoever opens the dashboard keeps it. Must not touch files, nor know where panes are:
//! a size is a wish, and what does not fit is smaller.

use serde::{Deserialize, Serialize};

use super::ui_state::{Grouping, Sort, UiState};

/// Version of a remembered layout.
const VERSION: u32 = 1;

/// Wishes for sizes in rows and columns; none: as much as there is to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Sizes {
    /// Rows of the wave graph above the table.
    pub graph: Option<u16>,
    /// Rows of the panes below the table.
    pub lower: Option<u16>,
    /// Columns of the side column of a wide screen.
    pub side: Option<u16>,
    /// Columns of what happened lately, beside the output.
    pub lately: Option<u16>,
}

/// A border or handle that the mouse holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// The border below the wave graph.
    Graph,
    /// The border above the lower panes.
    Lower,
    /// The border of the side column.
    Side,
    /// The border between output and lately.
    Lately,
    /// The handle of a replay.
    Scrubber,
}

/// What a person finds again the next time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Layout {
    version: u32,
    /// Sizes of panes.
    pub sizes: Sizes,
    /// How rows are grouped.
    pub grouping: Grouping,
    /// How rows are sorted.
    pub sort: Sort,
    /// Whether the mouse is ours; none: as the configuration says.
    pub mouse: Option<bool>,
}

impl Layout {
    /// What is chosen now; `mouse`: a person has taken or given the mouse.
    #[must_use]
    pub const fn of(ui: &UiState, mouse: bool) -> Self {
        Self {
            version: VERSION,
            sizes: ui.sizes,
            grouping: ui.grouping,
            sort: ui.sort,
            mouse: if mouse { Some(ui.mouse) } else { None },
        }
    }

    /// Reads what [`Layout::to_text`] wrote. What is damaged or of a newer version is as if nothing
    /// had been remembered.
    #[must_use]
    pub fn read(text: &str) -> Self {
        serde_json::from_str(text)
            .ok()
            .filter(|layout: &Self| layout.version == VERSION)
            .unwrap_or_default()
    }

    /// Writes it down.
    #[must_use]
    pub fn to_text(mut self) -> String {
        self.version = VERSION;
        serde_json::to_string(&self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layout_is_read_back_and_what_is_damaged_is_forgotten() {
        let layout = Layout {
            version: VERSION,
            sizes: Sizes {
                lower: Some(12),
                ..Sizes::default()
            },
            grouping: Grouping::Wave,
            sort: Sort::Age,
            mouse: Some(false),
        };
        let text = layout.to_text();
        assert_eq!(Layout::read(&text), layout);
        for bad in [
            "",
            "nonsense",
            "[]",
            &text[..text.len() - 1],
            &text.replace(":1,", ":2,"),
            &text.replace("wave", "weave"),
            &text.replace("12", "-1"),
        ] {
            assert_eq!(Layout::read(bad), Layout::default(), "{bad}");
        }
        // What an older version did not know has its default.
        assert_eq!(
            Layout::read("{\"version\":1,\"sort\":\"age\"}").sort,
            Sort::Age
        );
    }
}
