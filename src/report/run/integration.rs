//! How well the work of a run came together (REQUIREMENTS K4), from what was said of its merges.
//!
//! Must not judge: that is in [`super::targets`].

use std::collections::BTreeMap;

use crate::report::history::{MergeMoment, MergeStep, Piece};

/// How well it came together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Integration {
    /// Pieces of work, one an attempt, that came into the head, clashed, or were red as merged.
    pub pieces: u64,
    /// Those that came into the head, and did neither before.
    pub clean: u64,
    /// Conflicts found in critical domains.
    pub critical: u64,
    /// Time in which a merge was under way, µs: tried, its result checked, the head moved.
    pub merging_us: u64,
}

/// Measures it by a moment (elapsed µs).
#[must_use]
pub fn integration(moments: &[MergeMoment], now_us: u64) -> Integration {
    let mut found = Integration::default();
    let mut pieces: BTreeMap<Piece, bool> = BTreeMap::new();
    let mut since = None;
    for moment in moments {
        match moment.step {
            MergeStep::Begun => since = Some(moment.at_us),
            MergeStep::Over(merged) => {
                let from = since.take().unwrap_or(moment.at_us);
                found.merging_us += moment.at_us.saturating_sub(from);
                if let Some(piece) = merged {
                    pieces.entry(piece).or_insert(true);
                }
            }
            MergeStep::Clash { piece, critical } => {
                found.critical += u64::from(critical);
                pieces.insert(piece, false);
            }
            MergeStep::Red(piece) => {
                pieces.insert(piece, false);
            }
        }
    }
    if let Some(from) = since {
        found.merging_us += now_us.saturating_sub(from);
    }
    found.pieces = pieces.len() as u64;
    found.clean = pieces.values().filter(|clean| **clean).count() as u64;
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::AgentIx;

    #[test]
    fn what_clashed_or_was_red_is_not_clean_however_it_ended() {
        let piece = |ix: u32, attempt: u32| (AgentIx(ix), attempt);
        let clash = |ix: u32, critical: bool| MergeStep::Clash {
            piece: piece(ix, 1),
            critical,
        };
        let steps = [
            (10, MergeStep::Begun),
            (15, MergeStep::Over(Some(piece(0, 1)))),
            // In a critical domain: done again on top of the first, and merged then.
            (20, clash(1, true)),
            (40, MergeStep::Begun),
            (41, MergeStep::Over(Some(piece(1, 2)))),
            // It clashes, a person settles it, and it is merged.
            (50, MergeStep::Begun),
            (52, clash(2, false)),
            (52, MergeStep::Over(None)),
            (60, MergeStep::Begun),
            (63, MergeStep::Over(Some(piece(2, 1)))),
            // Red as merged, and given up.
            (70, MergeStep::Begun),
            (79, MergeStep::Red(piece(3, 1))),
            (79, MergeStep::Over(None)),
            (90, MergeStep::Begun),
        ];
        let moments: Vec<MergeMoment> = (1..)
            .zip(steps)
            .map(|(seq, (at_us, step))| MergeMoment { seq, at_us, step })
            .collect();
        let found = integration(&moments, 100);
        let expected = Integration {
            pieces: 5,
            clean: 2,
            critical: 1,
            merging_us: 5 + 1 + 2 + 3 + 9 + 10,
        };
        assert_eq!(found, expected);
    }
}
