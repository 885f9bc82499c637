//! What attempts are charged: tokens and money.
//!
//! Must not decide: what follows from a budget is asked of the state.

use crate::{
    agents::Used,
    engine::{Budget, Exit, State, TalkEvent},
    plan::AgentIx,
};

impl State {
    /// What the live attempt of an agent is charged of the tokens, and what it has used of them.
    fn charged(&self, ix: AgentIx) -> (u64, u64) {
        let said = self.agent(ix).talk.as_ref();
        let said = said.map_or(0, |talk| talk.used.tokens());
        (said.max(self.mode_of(ix).tokens), said)
    }

    /// What all attempts of an agent have cost, in micro-dollars.
    fn cost_of(&self, ix: AgentIx) -> u64 {
        let talk = self.agent(ix).talk.as_ref();
        talk.map_or(0, |talk| talk.cost().microusd)
    }

    fn recharge(&mut self, before: (u64, u64), after: (u64, u64)) {
        self.usage.charge(before.0, after.0);
        let used = &mut self.spending.tokens.used;
        *used = used.saturating_sub(before.1).saturating_add(after.1);
    }

    /// Its program says what its attempt has used so far.
    pub(super) fn used(&mut self, ix: AgentIx, used: Used, computed: Option<u64>, now: u64) {
        let (charged, cost) = (self.charged(ix), self.cost_of(ix));
        let talk = self.talk_of(ix);
        talk.used = used;
        talk.computed_microusd = computed;
        if self.agent(ix).live.is_none() {
            return;
        }
        let after = self.charged(ix);
        self.recharge(charged, after);
        let more = after.1.saturating_sub(charged.1);
        if self.setup.plan.limits.tokens_per_minute.is_some() && more > 0 {
            self.spending.report(more, now);
        }
        let money = self.cost_of(ix);
        let all = &mut self.spending.cost.used;
        *all = all.saturating_sub(cost).saturating_add(money);
    }

    /// Its attempt has ended: what it said counts, or else what the plan states for it. What never ran
    /// has used nothing.
    pub(super) fn charge_end(&mut self, ix: AgentIx, exit: &Exit) {
        let before = self.charged(ix);
        // Nor is guessed what a person has used who worked in its session.
        let ran =
            !matches!(exit, Exit::SpawnError(_) | Exit::Refused(_)) && !self.agent(ix).opened();
        let end = match before.1 {
            0 if ran => self.mode_of(ix).tokens,
            said => said,
        };
        self.recharge(before, (end, end));
    }

    pub(super) fn spending(&mut self, event: &TalkEvent, now: u64) {
        match event {
            TalkEvent::BudgetWarned { budget, .. } => {
                self.spending.account_mut(*budget).warned = true;
            }
            TalkEvent::BudgetSpent { budget, .. } => {
                let account = self.spending.account_mut(*budget);
                account.spent_us.get_or_insert(now);
            }
            TalkEvent::RateReached { until_us, .. } => self.spending.rate_until_us = *until_us,
            TalkEvent::RateRecovered { .. } => self.spending.rate_until_us = 0,
            _ => {}
        }
    }

    /// A person says whether more may be used of what is used up.
    pub(super) fn budget_answered(&mut self, yes: bool) {
        for budget in Budget::ALL {
            let account = self.spending.account_mut(budget);
            if account.asks() {
                account.answer = Some(yes);
            }
        }
    }
}
