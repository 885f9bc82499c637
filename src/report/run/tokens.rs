//! Tokens and money of a run: by agent, by track and in all.
//!
//! What programs said, and what was computed from list prices where they said no cost (`~`). Must not put a
//! price on what has none: then the sum is what is known, and says so (`+ ?`).

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::{RunReport, markdown::text};
use crate::{
    engine::{Budget, Spent, State},
    plan::units::show_decimal,
};

/// Tokens and money of an agent, a track or a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenLine {
    /// Tokens sent, with those that were cached.
    pub input: u64,
    /// Tokens sent that were read from the provider's cache.
    pub cached: u64,
    /// Tokens received.
    pub output: u64,
    /// What is known of the cost, in micro-dollars; none: nothing is.
    pub cost_microusd: Option<u64>,
    /// Some of it is computed from list prices.
    pub computed: bool,
    /// Some of it is not known.
    pub unknown: bool,
    /// What prompts left out, in permille of all that they were made of, estimated; none: no prompt was
    /// composed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub saved_permille: Option<u64>,
}

/// Tokens and money of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tokens {
    /// In all.
    pub all: TokenLine,
    /// By track, in the plan's order; those of whose agents nothing is known are left out.
    pub tracks: Vec<(String, TokenLine)>,
    /// What the plan limits: name, used and limit, in tokens or micro-dollars; whether it was lifted.
    pub budgets: Vec<(String, u64, u64, bool)>,
    /// The day of which the list prices are, where some of the cost is computed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub prices: Option<String>,
}

/// What is told of an amount; none: nothing is known.
pub(super) fn line(spent: Spent) -> Option<TokenLine> {
    let used = spent.used?;
    let cost = spent.cost;
    let known = cost.microusd > 0 || cost.computed || used.cost_microusd.is_some();
    Some(TokenLine {
        input: used.sent(),
        cached: used.cache_read,
        output: used.output,
        cost_microusd: known.then_some(cost.microusd),
        computed: cost.computed,
        unknown: cost.unknown,
        saved_permille: spent.saved().map(|saved| saved.0),
    })
}

impl Tokens {
    /// Sums what the agents of a run have used; none: nothing is known.
    #[must_use]
    pub fn of(state: &State) -> Option<Self> {
        let all = line(Spent::of(state))?;
        let plan = &state.setup.plan;
        let mut tracks = vec![Spent::default(); plan.tracks.len()];
        for (agent, plan) in state.agents.iter().zip(&plan.agents) {
            if let (Some(talk), Some(track)) = (&agent.talk, plan.track) {
                tracks[track.ix()] = tracks[track.ix()].and(Spent::by(talk));
            }
        }
        let tracks = plan.tracks.iter().zip(tracks);
        let budgets = Budget::ALL.into_iter().filter_map(|budget| {
            let account = state.spending.account(budget);
            let lifted = account.answer == Some(true);
            let limit = state.budget(budget)?;
            Some((budget.name().to_owned(), account.used, limit, lifted))
        });
        Some(Self {
            tracks: tracks
                .filter_map(|(track, spent)| Some((track.id.clone(), line(spent)?)))
                .collect(),
            budgets: budgets.collect(),
            prices: all.computed.then(|| state.setup.prices.date.clone()),
            all,
        })
    }
}

/// Writes a cost for people.
fn cost(line: &TokenLine) -> String {
    let about = if line.computed { "~" } else { "" };
    match (line.cost_microusd, line.unknown) {
        (None, _) => "?".to_owned(),
        (Some(cost), true) => format!("{about}{} $ + ?", show_decimal(cost, 6)),
        (Some(cost), false) => format!("{about}{} $", show_decimal(cost, 6)),
    }
}

pub(super) fn render(out: &mut String, report: &RunReport) {
    let Some(tokens) = &report.tokens else {
        return;
    };
    out.push_str("## Tokens and cost\n\n");
    out.push_str(
        "| | sent | of it cached | received | cost | saved |\n|---|---:|---:|---:|---:|---:|\n",
    );
    let mut row = |name: &str, line: &TokenLine| {
        let saved = line.saved_permille;
        let _ = writeln!(
            out,
            "| {name} | {} | {} | {} | {} | {} |",
            line.input,
            line.cached,
            line.output,
            cost(line),
            saved.map_or("–".to_owned(), |saved| format!(
                "~{} %",
                show_decimal(saved, 1)
            )),
        );
    };
    row("all", &tokens.all);
    for (track, line) in &tokens.tracks {
        row(&format!("track {}", text(track)), line);
    }
    for agent in &report.agents {
        if let Some(line) = &agent.tokens {
            row(&text(&agent.agent), line);
        }
    }
    out.push('\n');
    for (name, used, limit, lifted) in &tokens.budgets {
        let shown = |n: u64| match name.as_str() {
            "tokens" => n.to_string(),
            _ => format!("{} $", show_decimal(n, 6)),
        };
        let lifted = if *lifted { ", lifted by a person" } else { "" };
        let _ = writeln!(
            out,
            "`limits.{name}`: {} of {} used{lifted}.\n",
            shown(*used),
            shown(*limit)
        );
    }
    if let Some(date) = &tokens.prices {
        let _ = writeln!(out, "`~`: computed from list prices of {}.\n", text(date));
    }
    if tokens.all.unknown {
        out.push_str("`?`: a model without a price, and its program says no cost.\n\n");
    }
}
