//! How many agents run at once by default, from the machine's memory.
//!
//! Must not measure anything: the caller hands the memory in.

use crate::plan::units::GIB;

/// Tiers by memory in GiB, and the agents at once of each.
///
/// Requirement D3 (after the workflow templates' hardware tables): 16 GB 2-3 light agents, 32 GB two
/// or three tracks, 64 GB and more three tracks and more. 24 GB counts half way from 16 to 32.
const TIERS: [(u64, u32); 5] = [(8, 2), (16, 3), (24, 4), (32, 6), (64, 12)];

/// Agents at once above the last tier.
const ABOVE: u32 = 16;

/// Returns the default number of agents at once for a machine with so many bytes of memory.
///
/// A machine counts as the smallest tier that holds it. What the firmware keeps to itself, and what
/// "16 GB" means to a vendor, must not cost a tier nor win one: up to 10 % above a tier still is it.
#[must_use]
pub fn default_agents(total_bytes: u64) -> u32 {
    let within = |gib: u64| total_bytes <= gib * GIB + gib * GIB / 10;
    TIERS
        .iter()
        .find(|(gib, _)| within(*gib))
        .map_or(ABOVE, |(_, agents)| *agents)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiers() {
        let gib = |n: u64| n * GIB;
        let cases = [
            (0, 2),
            (gib(4), 2),
            (gib(8), 2),
            // 16 GB as sold: less than 15 GiB are left of it.
            (15_400_000_000, 3),
            (gib(16), 3),
            (gib(17), 3),
            (gib(24), 4),
            (gib(32), 6),
            (gib(31), 6),
            (gib(64), 12),
            (gib(70), 12),
            (gib(71), 16),
            (gib(128), 16),
            (gib(2048), 16),
        ];
        for (bytes, agents) in cases {
            assert_eq!(default_agents(bytes), agents, "{bytes}");
        }
    }

    #[test]
    fn more_memory_never_means_fewer_agents() {
        let mut last = 0;
        for gib in 0..300 {
            let now = default_agents(gib * GIB);
            assert!(now >= last);
            last = now;
        }
    }
}
