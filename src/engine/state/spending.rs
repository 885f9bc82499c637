//! What a run has used of the tokens and the money that its plan limits.
//!
//! Plain data; changed by `apply` alone. Must not decide: who may start is asked of admission.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::State;
use crate::engine::Budget;

/// Length of the window of `limits.tokens_per_minute`, in microseconds.
pub const MINUTE_US: u64 = 60_000_000;
/// What is reported within so many microseconds counts as one report.
const GRAIN_US: u64 = 1_000_000;

/// What was used of one budget.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Account {
    /// Used so far: tokens, or micro-dollars. Of an attempt that has ended and said nothing, what the plan
    /// states for it.
    pub used: u64,
    /// That 80 % are used has been told.
    pub warned: bool,
    /// Since when nothing starts because of it (elapsed µs).
    pub spent_us: Option<u64>,
    /// What a person said to that: more may be used, or not.
    pub answer: Option<bool>,
}

impl Account {
    /// Returns whether nothing may start because of it.
    #[must_use]
    pub fn stands(&self) -> bool {
        self.spent_us.is_some() && self.answer != Some(true)
    }

    /// Returns whether a person has to say whether more may be used.
    #[must_use]
    pub fn asks(&self) -> bool {
        self.spent_us.is_some() && self.answer.is_none()
    }
}

/// What all agents have used.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Spending {
    /// Tokens.
    pub tokens: Account,
    /// Micro-dollars.
    pub cost: Account,
    /// Until when nothing starts because of the tokens of the last minute (elapsed µs); 0: that is not so.
    pub rate_until_us: u64,
    /// Tokens reported of late, with the time of the report (elapsed µs), the oldest first.
    recent: VecDeque<(u64, u64)>,
}

impl Spending {
    /// Returns the account of a budget.
    #[must_use]
    pub const fn account(&self, budget: Budget) -> &Account {
        match budget {
            Budget::Tokens => &self.tokens,
            Budget::Cost => &self.cost,
        }
    }

    /// The account of a budget, to be changed.
    pub(in crate::engine) const fn account_mut(&mut self, budget: Budget) -> &mut Account {
        match budget {
            Budget::Tokens => &mut self.tokens,
            Budget::Cost => &mut self.cost,
        }
    }

    /// Counts tokens that were reported now.
    pub(in crate::engine) fn report(&mut self, tokens: u64, now: u64) {
        while (self.recent.front()).is_some_and(|(at, _)| at + MINUTE_US <= now) {
            self.recent.pop_front();
        }
        match self.recent.back_mut() {
            // The later time holds: they leave the window no sooner than they should.
            Some((at, sum)) if *at / GRAIN_US == now / GRAIN_US => {
                *at = now;
                *sum = sum.saturating_add(tokens);
            }
            _ => self.recent.push_back((now, tokens)),
        }
    }

    /// Returns the tokens that were reported in the minute before a moment (elapsed µs).
    #[must_use]
    pub fn rate(&self, now: u64) -> u64 {
        let recent = self.recent.iter().filter(|(at, _)| at + MINUTE_US > now);
        recent.fold(0, |sum, (_, tokens)| sum.saturating_add(*tokens))
    }

    /// Returns when the tokens of the last minute are no more than a limit, if no more are reported
    /// (elapsed µs).
    #[must_use]
    pub fn rate_falls(&self, limit: u64, now: u64) -> u64 {
        let mut rate = self.rate(now);
        for (at, tokens) in &self.recent {
            if rate <= limit {
                break;
            }
            if at + MINUTE_US > now {
                rate = rate.saturating_sub(*tokens);
                if rate <= limit {
                    return at + MINUTE_US;
                }
            }
        }
        now
    }
}

impl State {
    /// Returns what the plan lets the run use of a budget; none: as much as it wants.
    #[must_use]
    pub fn budget(&self, budget: Budget) -> Option<u64> {
        let limits = &self.setup.plan.limits;
        match budget {
            Budget::Tokens => limits.tokens,
            Budget::Cost => limits.cost_microusd,
        }
    }

    /// Returns the budget that nothing may start because of; none: there is something left of all.
    #[must_use]
    pub fn spent(&self) -> Option<Budget> {
        let mut all = Budget::ALL.into_iter();
        all.find(|budget| self.spending.account(*budget).stands())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000;

    #[test]
    fn the_last_minute_is_counted_and_falls_when_its_reports_grow_old() {
        let mut spending = Spending::default();
        for (at, tokens) in [(1, 100), (2, 50), (30, 200), (50, 10)] {
            spending.report(tokens, at * SECOND);
        }
        assert_eq!(spending.rate(50 * SECOND), 360);
        assert_eq!(spending.rate(61 * SECOND), 260);
        assert_eq!(spending.rate_falls(400, 50 * SECOND), 50 * SECOND);
        assert_eq!(spending.rate_falls(260, 50 * SECOND), 61 * SECOND);
        assert_eq!(spending.rate_falls(209, 50 * SECOND), 90 * SECOND);
        assert_eq!(spending.rate_falls(0, 50 * SECOND), 110 * SECOND);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut spending = Spending::default();
        for n in 0..100_000 {
            spending.report(1, n * 10_000);
        }
        assert!(spending.recent.len() <= 62, "{}", spending.recent.len());
        let rate = spending.rate(999_990_000);
        assert!((6_000..=6_100).contains(&rate), "{rate}");
    }
}
