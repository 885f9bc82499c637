//! One pair of agents: what was told about it and what is told next. Pure: times come in.

use std::time::{Duration, Instant, SystemTime};

use super::notice::Foreseen;

/// Snapshots that count as two lie at least so far apart.
pub(super) const APART: Duration = Duration::from_secs(5);

/// What speaks against merging two snapshots; nothing when all is empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Finding {
    pub(super) conflict: bool,
    pub(super) files: Vec<Foreseen>,
    pub(super) domains: Vec<Box<str>>,
}

/// What to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Tell {
        finding: Finding,
        first_seen: SystemTime,
        snapshots: u32,
    },
    Withdraw,
}

/// What is known of a pair.
#[derive(Debug, Default)]
pub(super) struct Pair {
    /// When something was found first, and when it last counted.
    seen: Option<(SystemTime, Instant)>,
    snapshots: u32,
    told: Option<Finding>,
    /// When to look again although nothing changes.
    pub(super) due: Option<Instant>,
    /// When it was compared last.
    pub(super) compared: Option<Instant>,
    /// A sum of the paths in which they met then.
    pub(super) met: u64,
    /// How often git failed in a row.
    pub(super) failures: u32,
    /// The files of an overlap that was told.
    pub(super) overlap: Vec<Box<[u8]>>,
}

impl Pair {
    /// Takes what a comparison found. In a critical domain it is told when it was seen in two
    /// snapshots that lie [`APART`].
    pub(super) fn judge(
        &mut self,
        finding: Finding,
        critical: bool,
        now: Instant,
        wall: SystemTime,
    ) -> Option<Step> {
        self.due = None;
        if finding == Finding::default() {
            self.seen = None;
            self.snapshots = 0;
            return self.told.take().map(|_| Step::Withdraw);
        }
        let (first, counted) = *self.seen.get_or_insert((wall, now));
        if self.snapshots == 0 {
            self.snapshots = 1;
        } else if now.duration_since(counted) >= APART {
            self.snapshots += 1;
            self.seen = Some((first, now));
        }
        if critical && self.snapshots < 2 {
            self.due = Some(counted + APART);
            return None;
        }
        if self.told.as_ref() == Some(&finding) {
            return None;
        }
        self.told = Some(finding.clone());
        Some(Step::Tell {
            finding,
            first_seen: first,
            snapshots: self.snapshots,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::watch::notice::Kind;

    fn finding(path: &str) -> Finding {
        Finding {
            conflict: true,
            files: vec![Foreseen {
                path: path.as_bytes().into(),
                kind: Kind::Content,
            }],
            domains: Vec::new(),
        }
    }

    #[test]
    fn a_prediction_is_told_once_for_its_files_and_withdrawn_when_it_is_gone() {
        let (now, wall) = (Instant::now(), SystemTime::UNIX_EPOCH);
        let mut pair = Pair::default();
        let told = pair.judge(finding("a"), false, now, wall);
        assert!(matches!(told, Some(Step::Tell { snapshots: 1, .. })));
        assert_eq!(pair.judge(finding("a"), false, now, wall), None);
        let told = pair.judge(finding("b"), false, now + APART, wall + APART);
        assert!(
            matches!(told, Some(Step::Tell { snapshots: 2, first_seen, .. }) if first_seen == wall)
        );
        assert_eq!(
            pair.judge(Finding::default(), false, now, wall),
            Some(Step::Withdraw)
        );
        assert_eq!(pair.judge(Finding::default(), false, now, wall), None);
    }

    #[test]
    fn in_a_critical_domain_two_snapshots_five_seconds_apart_must_agree() {
        let (now, wall) = (Instant::now(), SystemTime::UNIX_EPOCH);
        let second = Duration::from_secs(1);
        let mut pair = Pair::default();
        assert_eq!(pair.judge(finding("a"), true, now, wall), None);
        assert_eq!(pair.due, Some(now + APART));
        // Sooner ones do not count, and do not put it off.
        assert_eq!(pair.judge(finding("a"), true, now + 4 * second, wall), None);
        assert_eq!(pair.due, Some(now + APART));
        let told = pair.judge(finding("a"), true, now + APART, wall);
        assert!(matches!(told, Some(Step::Tell { snapshots: 2, .. })));
        assert_eq!(pair.due, None);
        // Gone and back: it counts anew; nothing was told that had to be withdrawn.
        let mut pair = Pair::default();
        assert_eq!(pair.judge(finding("a"), true, now, wall), None);
        assert_eq!(
            pair.judge(Finding::default(), true, now + second, wall),
            None
        );
        assert_eq!(pair.judge(finding("a"), true, now + APART, wall), None);
    }
}
