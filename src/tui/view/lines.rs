//! Lines of the wave graph in a window of cells: arms that join, and lines that only cross.
//!
//! Lines of one agent join. Where lines of two agents cross, one of them is drawn through, so that a
//! crossing never looks like a joint. Must not know glyphs.

use super::graph::{Arms, DOUBLE, DOWN, LEFT, RIGHT, UP};

/// Agents whose lines run along one cell in one direction; more are taken for everybody's.
const OWNERS: usize = 3;
/// Everybody's.
const ALL: u32 = u32::MAX;

/// The cells of a window.
#[derive(Debug)]
pub(super) struct Lines {
    at: (u32, u32),
    size: (u32, u32),
    cells: Vec<Arms>,
    /// Whose lines run across a cell, and whose up and down: agent + 1, 0 nobody's.
    owners: Vec<[[u32; OWNERS]; 2]>,
}

impl Lines {
    /// An empty window.
    pub(super) fn new(at: (u32, u32), size: (u32, u32)) -> Self {
        let count = size.0 as usize * size.1 as usize;
        Self {
            at,
            size,
            cells: vec![0; count],
            owners: vec![[[0; OWNERS]; 2]; count],
        }
    }

    /// Adds an arm of a line that leaves this agent.
    pub(super) fn add(&mut self, (x, y): (u32, u32), arm: u8, weight: u8, agent: u32) {
        let (Some(x), Some(y)) = (x.checked_sub(self.at.0), y.checked_sub(self.at.1)) else {
            return;
        };
        if x >= self.size.0 || y >= self.size.1 {
            return;
        }
        let at = (y * self.size.0 + x) as usize;
        let old = self.cells[at] >> arm & 3;
        self.cells[at] = self.cells[at] & !(3 << arm) | old.max(weight) << arm;
        let owners = &mut self.owners[at][usize::from(matches!(arm, UP | DOWN))];
        match owners.iter_mut().find(|o| **o == 0 || **o == agent + 1) {
            Some(owner) => *owner = agent + 1,
            None => owners[0] = ALL,
        }
    }

    /// The cells, with crossings undone.
    pub(super) fn finish(mut self) -> Vec<Arms> {
        for (cell, [across, updown]) in self.cells.iter_mut().zip(&self.owners) {
            let arm = |arm: u8| *cell >> arm & 3;
            let whole = [UP, RIGHT, DOWN, LEFT].iter().all(|&a| arm(a) > 0);
            let known = |owner: &u32| *owner != 0 && (*owner == ALL || updown.contains(owner));
            let apart = !across.iter().any(known) && !updown.contains(&ALL);
            if whole && apart {
                let through = |a: u8, b: u8| arm(a).min(arm(b)) == DOUBLE;
                let under = if through(LEFT, RIGHT) && !through(UP, DOWN) {
                    [UP, DOWN]
                } else {
                    [LEFT, RIGHT]
                };
                for arm in under {
                    *cell &= !(3 << arm);
                }
            }
        }
        self.cells
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line across and one up and down that meet in the middle.
    fn crossed(weights: [u8; 2], agents: [u32; 2]) -> Arms {
        let mut lines = Lines::new((10, 10), (3, 3));
        for (arms, weight, agent) in [
            ([LEFT, RIGHT], weights[0], agents[0]),
            ([UP, DOWN], weights[1], agents[1]),
        ] {
            for arm in arms {
                lines.add((11, 11), arm, weight, agent);
            }
        }
        // Beside the window nothing is drawn.
        lines.add((9, 11), LEFT, DOUBLE, 1);
        lines.add((13, 11), LEFT, DOUBLE, 1);
        let cells = lines.finish();
        assert_eq!(cells.iter().filter(|c| **c != 0).count(), 1);
        cells[4]
    }

    #[test]
    fn lines_of_one_agent_join_and_those_of_two_cross() {
        const SINGLE: u8 = 2;
        let arms = |weight: u8, arms: &[u8]| arms.iter().fold(0, |all, a| all | weight << a);
        let all = arms(SINGLE, &[UP, RIGHT, DOWN, LEFT]);
        assert_eq!(crossed([SINGLE; 2], [4, 4]), all);
        assert_eq!(crossed([SINGLE; 2], [4, 5]), arms(SINGLE, &[UP, DOWN]));
        // The critical path is never interrupted by another line.
        assert_eq!(
            crossed([DOUBLE, SINGLE], [4, 5]),
            arms(DOUBLE, &[LEFT, RIGHT])
        );
        assert_eq!(crossed([SINGLE, DOUBLE], [4, 5]), arms(DOUBLE, &[UP, DOWN]));
    }
}
