//! Tokens and money of an attempt while they grow.
//!
//! Must not guess: what a program has not reported is not counted.

use super::json::MOST;
use super::said::{Said, Used};

/// What an attempt has used so far; it never becomes less.
#[derive(Debug, Default)]
pub(super) struct Count {
    now: Used,
    said: Option<Used>,
}

impl Count {
    /// Takes a new total: of each figure the larger one holds.
    pub(super) fn total(&mut self, used: Used, said: &mut Vec<Said>) {
        let larger = |a: u64, b: u64| a.max(b).min(MOST);
        self.now = Used {
            input: larger(self.now.input, used.input),
            cache_read: larger(self.now.cache_read, used.cache_read),
            cache_write: larger(self.now.cache_write, used.cache_write),
            output: larger(self.now.output, used.output),
            cost_microusd: self.now.cost_microusd.max(used.cost_microusd),
        };
        if self.said != Some(self.now) && self.now != Used::default() {
            self.said = Some(self.now);
            said.push(Said::Used(self.now));
        }
    }

    /// Adds what one more request has used.
    pub(super) fn add(&mut self, used: Used, said: &mut Vec<Said>) {
        self.total(sum(self.now, used), said);
    }
}

/// Both together.
pub(super) fn sum(a: Used, b: Used) -> Used {
    let plus = |a: u64, b: u64| a.saturating_add(b).min(MOST);
    Used {
        input: plus(a.input, b.input),
        cache_read: plus(a.cache_read, b.cache_read),
        cache_write: plus(a.cache_write, b.cache_write),
        output: plus(a.output, b.output),
        cost_microusd: match (a.cost_microusd, b.cost_microusd) {
            (None, cost) | (cost, None) => cost,
            (Some(a), Some(b)) => Some(plus(a, b)),
        },
    }
}

/// What `all` is more than `before`.
pub(super) fn since(all: Used, before: Used) -> Used {
    Used {
        input: all.input.saturating_sub(before.input),
        cache_read: all.cache_read.saturating_sub(before.cache_read),
        cache_write: all.cache_write.saturating_sub(before.cache_write),
        output: all.output.saturating_sub(before.output),
        cost_microusd: all
            .cost_microusd
            .map(|c| c.saturating_sub(before.cost_microusd.unwrap_or(0))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_never_become_less_and_are_said_when_they_change() {
        let used = |input, cost_microusd| Used {
            input,
            cost_microusd,
            ..Used::default()
        };
        let (mut count, mut said) = (Count::default(), Vec::new());
        count.total(Used::default(), &mut said);
        count.total(used(5, None), &mut said);
        count.total(used(3, Some(2)), &mut said);
        count.total(used(5, None), &mut said);
        count.add(used(u64::MAX, Some(1)), &mut said);
        assert_eq!(
            said,
            [
                Said::Used(used(5, None)),
                Said::Used(used(5, Some(2))),
                Said::Used(used(MOST, Some(3))),
            ]
        );
    }
}
