//! Which globs of all scopes together can match the same path.
//!
//! Each glob is looked at once, however many agents have it. Must not know agents.

use std::collections::{BTreeMap, BTreeSet};

use crate::conflict::scope::Globs;

/// Comparisons of two globs with wildcards; each takes some microseconds to milliseconds.
const MOST_COMPARISONS: usize = 2_000;

/// Pairs of globs that meet; a plan with more has other troubles.
const MOST_PAIRS: usize = 1_000_000;

/// Distinct globs by number, and for each those that meet it.
#[derive(Default)]
pub(super) struct Meets {
    numbers: BTreeMap<String, usize>,
    texts: Vec<String>,
    /// With itself.
    lists: Vec<Vec<usize>>,
}

/// A glob in two parts: plain parts of the path, and the rest with wildcards.
struct Split<'t> {
    plain: Vec<&'t str>,
    /// It stands for its plain parts and all below them.
    whole: bool,
}

fn split(text: &str) -> Split<'_> {
    let wild = |part: &str| part.contains(['*', '?', '[', ']', '{', '}', '\\']);
    let parts = text.split('/').filter(|p| !p.is_empty() && *p != ".");
    let plain: Vec<&str> = parts.clone().take_while(|p| !wild(p)).collect();
    let mut rest = parts.skip(plain.len());
    let whole = matches!((rest.next(), rest.next()), (None, _) | (Some("**"), None));
    Split { plain, whole }
}

impl Meets {
    /// Returns the number of a glob.
    pub(super) fn intern(&mut self, text: &str) -> usize {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let number = self.texts.len();
        self.numbers.insert(text.to_owned(), number);
        self.texts.push(text.to_owned());
        self.lists.push(vec![number]);
        number
    }

    /// Number of globs.
    pub(super) fn len(&self) -> usize {
        self.texts.len()
    }

    /// A glob as it was written.
    pub(super) fn text(&self, glob: usize) -> &str {
        &self.texts[glob]
    }

    /// The globs that some path can match beside this one, itself among them.
    pub(super) fn of(&self, glob: usize) -> &[usize] {
        &self.lists[glob]
    }

    /// A path that two globs match.
    pub(super) fn example(&self, a: usize, b: usize) -> Option<String> {
        let globs = |glob: usize| Globs::new(&[&self.texts[glob]]).ok();
        globs(a)?.overlaps(&globs(b)?).into_iter().next()?.example
    }

    /// Compares all; returns whether some were not compared.
    pub(super) fn compare(&mut self) -> bool {
        let splits: Vec<Split<'_>> = self.texts.iter().map(|t| split(t)).collect();
        let mut order: Vec<usize> = (0..splits.len()).collect();
        order.sort_by(|a, b| splits[*a].plain.cmp(&splits[*b].plain).then(a.cmp(b)));
        let mut left = MOST_COMPARISONS;
        let mut incomplete = false;
        let mut read: BTreeMap<usize, Option<Globs>> = BTreeMap::new();
        let mut pairs: BTreeSet<(usize, usize)> = BTreeSet::new();
        // Globs meet only where the plain parts of one begin those of the other; in this order those
        // that begin it are a stack.
        let mut above: Vec<usize> = Vec::new();
        for glob in order {
            while let Some(last) = above.last() {
                if splits[glob].plain.starts_with(&splits[*last].plain) {
                    break;
                }
                above.pop();
            }
            for other in &above {
                let same = splits[glob].plain.len() == splits[*other].plain.len();
                let meets = if splits[*other].whole || (same && splits[glob].whole) {
                    true
                } else if left == 0 {
                    incomplete = true;
                    false
                } else {
                    left -= 1;
                    let globs = |glob: &usize| Globs::new(&[&self.texts[*glob]]).ok();
                    for one in [glob, *other] {
                        read.entry(one).or_insert_with(|| globs(&one));
                    }
                    match (&read[&glob], &read[other]) {
                        (Some(a), Some(b)) => !a.overlaps(b).is_empty(),
                        _ => false,
                    }
                };
                if meets && pairs.len() < MOST_PAIRS {
                    pairs.insert((glob, *other));
                } else {
                    incomplete |= meets;
                }
            }
            above.push(glob);
        }
        for (a, b) in pairs {
            self.lists[a].push(b);
            self.lists[b].push(a);
        }
        incomplete
    }
}
