//! How many agents run at once by default, from the machine's memory.
//!
//! Must not measure anything: the caller hands the memory in.

use crate::plan::units::GIB;

/// Tiers by memory in GiB, and the agents at once of each.
///
/// Requirement D3 (after the workflow templates' hardware tables): 16 GB 2-3 light agents, 32 GB two
/// or three tracks, 64 GB and more three tracks and more. 24 GB counts half way from 16 to 32.
const TIERS: [(u64, u32); 5] = [(8, 2), (16, 3), (24, 4), (32, 6), (64, 12)];

/// Bands of pressure in percent by memory in GiB: what is aimed at (DESIGN 8, requirement D3).
const BANDS: [(u64, (u32, u32)); 2] = [(16, (50, 70)), (32, (60, 75))];
/// The band above the last tier.
const BAND_ABOVE: (u32, u32) = (70, 85);

/// Returns the band of pressure in percent for a machine with so many bytes of memory.
#[must_use]
pub fn default_band(total_bytes: u64) -> (u32, u32) {
    let mut bands = BANDS.iter();
    let band = bands.find(|(gib, _)| within(total_bytes, *gib));
    band.map_or(BAND_ABOVE, |(_, band)| *band)
}

/// A machine counts as the smallest tier that holds it. What the firmware keeps to itself, and what
/// "16 GB" means to a vendor, must not cost a tier nor win one: up to 10 % above a tier still is it.
const fn within(total_bytes: u64, gib: u64) -> bool {
    total_bytes <= gib * GIB + gib * GIB / 10
}

/// Agents at once above the last tier.
const ABOVE: u32 = 16;

/// Returns the default number of agents at once for a machine with so many bytes of memory.
#[must_use]
pub fn default_agents(total_bytes: u64) -> u32 {
    TIERS
        .iter()
        .find(|(gib, _)| within(total_bytes, *gib))
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
    fn bands_are_those_of_the_tiers() {
        let cases = [
            (8, (50, 70)),
            (16, (50, 70)),
            (24, (60, 75)),
            (32, (60, 75)),
            (64, (70, 85)),
        ];
        for (gib, band) in cases {
            assert_eq!(default_band(gib * GIB), band, "{gib}");
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
