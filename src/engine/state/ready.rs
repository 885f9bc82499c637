//! Ready agents, sorted so that the next start is found without asking each of them.
//!
//! Agents of one *kind* (same caps, same needs but for memory) are let in or held back together, so
//! admission asks once a kind; within it the first in order whose memory fits is found directly.
//! Must not decide: it only keeps order.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Rank;

/// Where a ready agent stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Its kind ([`crate::engine::Setup::kinds`]); none for one whose worker was chosen, or that cannot have all of
    /// them: it is asked by itself.
    pub kind: Option<u32>,
    /// Memory that it would reserve, in bytes.
    pub ram_bytes: u64,
    /// Its place in the order of starting.
    pub rank: Rank,
}

/// Ready agents of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Shelf {
    by_rank: BTreeSet<(Rank, u64)>,
    by_ram: BTreeSet<(u64, Rank)>,
}

impl Shelf {
    /// Returns the first in the order of starting.
    #[must_use]
    pub fn first(&self) -> Option<Rank> {
        self.by_rank.first().map(|entry| entry.0)
    }

    /// Returns all, in the order of starting.
    pub fn iter(&self) -> impl Iterator<Item = Rank> {
        self.by_rank.iter().map(|entry| entry.0)
    }

    /// Returns the first in the order of starting that wants no more than so many bytes.
    ///
    /// Goes along the order and along the sizes at once, and stops where either has the answer:
    /// where most fit the order has it soon, where few fit the sizes have.
    #[must_use]
    pub fn first_within(&self, free_bytes: u64) -> Option<Rank> {
        let mut small = self.by_ram.iter();
        let mut best = None;
        for &(rank, ram) in &self.by_rank {
            if ram <= free_bytes {
                return Some(rank);
            }
            match small.next() {
                Some(&(ram, rank)) if ram <= free_bytes => {
                    best = Some(best.map_or(rank, |best: Rank| best.min(rank)));
                }
                _ => return best,
            }
        }
        best
    }
}

/// All ready agents that nobody holds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "Vec<Place>", into = "Vec<Place>")]
pub struct Ready {
    shelves: BTreeMap<u32, Shelf>,
    chosen: BTreeSet<(Rank, u64)>,
}

impl Ready {
    /// Puts an agent in.
    pub fn insert(&mut self, place: Place) {
        let Place {
            kind,
            ram_bytes,
            rank,
        } = place;
        if let Some(kind) = kind {
            let shelf = self.shelves.entry(kind).or_default();
            shelf.by_rank.insert((rank, ram_bytes));
            shelf.by_ram.insert((ram_bytes, rank));
        } else {
            self.chosen.insert((rank, ram_bytes));
        }
    }

    /// Takes an agent out; returns whether it was in.
    pub fn remove(&mut self, place: Place) -> bool {
        let Place {
            kind,
            ram_bytes,
            rank,
        } = place;
        let Some(kind) = kind else {
            return self.chosen.remove(&(rank, ram_bytes));
        };
        let Some(shelf) = self.shelves.get_mut(&kind) else {
            return false;
        };
        let was = shelf.by_rank.remove(&(rank, ram_bytes));
        shelf.by_ram.remove(&(ram_bytes, rank));
        if shelf.by_rank.is_empty() {
            self.shelves.remove(&kind);
        }
        was
    }

    /// Returns whether nobody is ready.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.shelves.is_empty() && self.chosen.is_empty()
    }

    /// Returns the kinds of which somebody is ready.
    pub fn shelves(&self) -> impl Iterator<Item = &Shelf> {
        self.shelves.values()
    }

    /// Returns those whose worker a person chose, in the order of starting.
    pub fn chosen(&self) -> impl Iterator<Item = Rank> {
        self.chosen.iter().map(|entry| entry.0)
    }

    /// Returns all, kind by kind.
    pub fn iter(&self) -> impl Iterator<Item = Rank> {
        let shelves = self.shelves.values().flat_map(|shelf| &shelf.by_rank);
        shelves.chain(&self.chosen).map(|entry| entry.0)
    }
}

impl From<Vec<Place>> for Ready {
    fn from(places: Vec<Place>) -> Self {
        let mut ready = Self::default();
        for place in places {
            ready.insert(place);
        }
        ready
    }
}

impl From<Ready> for Vec<Place> {
    fn from(ready: Ready) -> Self {
        let of = |kind: Option<u32>| {
            move |&(rank, ram_bytes): &(Rank, u64)| Place {
                kind,
                ram_bytes,
                rank,
            }
        };
        let kinds = ready.shelves.iter();
        let mut places: Self = kinds
            .flat_map(|(&kind, shelf)| shelf.by_rank.iter().map(of(Some(kind))))
            .collect();
        places.extend(ready.chosen.iter().map(of(None)));
        places
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        graph::random::Rng,
        plan::{AgentIx, Class, Priority},
    };

    fn rank(order: u64, agent: u32) -> Rank {
        Rank {
            soft: false,
            phase: 0,
            priority: Priority::Normal,
            latest_finish_us: order,
            class: Class::Implementation,
            agent: AgentIx(agent),
        }
    }

    #[test]
    fn the_first_that_fits_is_found_whatever_fits() {
        let mut rng = Rng(7);
        for _ in 0..200 {
            let mut ready = Ready::default();
            let mut plain = Vec::new();
            for agent in 0..rng.below(40) as u32 {
                let place = Place {
                    kind: Some(0),
                    ram_bytes: rng.below(12),
                    rank: rank(rng.below(20), agent),
                };
                ready.insert(place);
                plain.push(place);
            }
            for free in 0..12 {
                let fits = plain.iter().filter(|p| p.ram_bytes <= free);
                let wanted = fits.map(|p| p.rank).min();
                let found = ready.shelves().next().and_then(|s| s.first_within(free));
                assert_eq!(found, wanted);
            }
            let copy = Ready::from(Vec::<Place>::from(ready.clone()));
            assert_eq!(copy, ready);
            assert!(plain.iter().all(|&place| ready.remove(place)));
            assert!(ready.is_empty());
        }
    }
}
