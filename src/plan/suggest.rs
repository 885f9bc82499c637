//! "Did you mean": the nearest of some names by edit distance.
//!
//! Must not know what the names stand for.

/// Comparisons that one file may cost in all; a wrong file of 10,000 agents must not take seconds.
const COMPARISONS: usize = 400_000;

/// Longest name that is compared at all, in characters.
const LONGEST: usize = 100;

/// Finds suggestions, and stops doing so when they get too many.
#[derive(Debug)]
pub(crate) struct Suggest {
    left: usize,
}

impl Default for Suggest {
    fn default() -> Self {
        Self { left: COMPARISONS }
    }
}

impl Suggest {
    /// Returns the candidate nearest to `name`, if one is near; ties go to the first.
    pub fn nearest<'c>(
        &mut self,
        name: &str,
        candidates: impl IntoIterator<Item = &'c str>,
    ) -> Option<&'c str> {
        let length = name.chars().count();
        if length > LONGEST {
            return None;
        }
        // Names of one or two characters are all near each other.
        let allowed = (length / 3).min(3);
        let mut best: Option<(usize, &str)> = None;
        for candidate in candidates {
            self.left = self.left.checked_sub(1)?;
            if candidate.len().abs_diff(name.len()) > allowed * 4 {
                continue;
            }
            let d = distance(&name.to_lowercase(), &candidate.to_lowercase());
            if d <= allowed && best.is_none_or(|(b, _)| d < b) {
                best = Some((d, candidate));
            }
        }
        best.map(|(_, c)| c)
    }
}

/// Returns the candidate nearest to `name`, if one is near.
#[must_use]
pub fn nearest<'c>(name: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    Suggest::default().nearest(name, candidates)
}

/// Returns how many insertions, deletions, replacements and swaps of neighbours lead from `a` to `b`.
#[must_use]
pub fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().collect();
    let b: Vec<char> = b.chars().collect();
    let mut before: Vec<usize> = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    let mut row = last.clone();
    for (i, ca) in a.iter().enumerate() {
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let replaced = last[j] + usize::from(ca != cb);
            row[j + 1] = replaced.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *ca == b[j - 1] && a[i - 1] == *cb {
                row[j + 1] = row[j + 1].min(before[j - 1] + 1);
            }
        }
        std::mem::swap(&mut before, &mut last);
        std::mem::swap(&mut last, &mut row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_swap_of_neighbours_counts_once() {
        assert_eq!(distance("nedds", "needs"), 1);
        assert_eq!(distance("agnet", "agent"), 1);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
    }

    #[test]
    fn only_near_names_are_suggested() {
        let mut s = Suggest::default();
        assert_eq!(s.nearest("nedds", ["id", "needs", "seeds"]), Some("needs"));
        assert_eq!(s.nearest("Needs", ["id", "needs"]), Some("needs"));
        assert_eq!(s.nearest("zebra", ["id", "needs"]), None);
        assert_eq!(s.nearest("x", []), None);
    }

    #[test]
    fn suggestions_stop_before_they_take_long() {
        let mut s = Suggest { left: 2 };
        assert_eq!(s.nearest("aa", ["zz", "ab", "aa"]), None);
    }

    proptest! {
        #[test]
        fn distance_is_a_distance(a in ".{0,12}", b in ".{0,12}") {
            prop_assert_eq!(distance(&a, &b), distance(&b, &a));
            prop_assert_eq!(distance(&a, &b) == 0, a == b);
            prop_assert!(distance(&a, &b) <= a.chars().count().max(b.chars().count()));
        }
    }
}
