//! What `check` and `plan` say of agents that may get in each other's way, and of waves that the
//! plan does not have.
//!
//! Must not find any of it: the graph does.

use super::load::Input;
use crate::{
    graph::{self, Graph},
    plan::{AgentIx, Diagnostic, Plan, Positions, Severity},
};

/// Adds to the warnings what is known when the graph is.
pub fn look(input: &mut Input) {
    // Most plans have nothing of the kind.
    if input.positions != Positions::default() {
        let graph = Graph::new(&input.plan);
        let found = notices(&input.plan, &input.positions, &graph);
        input.warnings.extend(found);
    }
}

fn notices(plan: &Plan, positions: &Positions, graph: &Graph) -> Vec<Diagnostic> {
    let mut all = Vec::new();
    let place = |of: &[(u32, u32)], ix: AgentIx| of.get(ix.ix()).copied().unwrap_or((0, 0));
    let id = |ix| plan.agent(ix).id.as_str();
    let mut add = |severity,
                   at: (u32, u32),
                   message: String,
                   help: Option<String>,
                   other: (u32, u32),
                   there: String| {
        all.push(Diagnostic {
            severity,
            line: at.0,
            column: at.1,
            message,
            help,
            related: (other.0 != 0 && other != at).then_some((other.0, other.1, there)),
        });
    };
    let waves = graph.waves().len();
    for wave in plan.wave_gates.keys().filter(|w| **w as usize > waves) {
        let at = positions.waves.get(wave).copied().unwrap_or((0, 0));
        let text = format!("there is no wave {wave}: its gates hold nobody");
        let help = format!(
            "the last wave of this plan is {waves}; `gates` at the top are those of the whole run"
        );
        add(
            Severity::Warning,
            at,
            text,
            Some(help),
            (0, 0),
            String::new(),
        );
    }
    let found = graph::overlaps(plan, graph);
    for meeting in &found.meetings {
        let (a, b) = (meeting.first, meeting.second);
        let at = place(&positions.scopes, a);
        let path = match &meeting.example {
            Some(path) => format!("may both write `{path}`"),
            None => "may write the same paths".to_owned(),
        };
        let text = format!(
            "agents `{}` and `{}` can run at once and {path}",
            id(a),
            id(b)
        );
        let help =
            "order them by `needs`, split the scopes, or put both into a critical [domain.…]";
        let there = format!("`{}` may write `{}`", id(b), meeting.theirs);
        let other = place(&positions.scopes, b);
        add(
            Severity::Warning,
            at,
            text,
            Some(help.to_owned()),
            other,
            there,
        );
    }
    let more = found.pairs - found.meetings.len() as u64;
    if more > 0 {
        let pairs = if more == 1 { "pair" } else { "pairs" };
        let text =
            format!("{more} more {pairs} of agents can run at once and may write the same paths");
        add(Severity::Warning, (0, 0), text, None, (0, 0), String::new());
    }
    if found.incomplete {
        let text = "there are too many scopes to compare all of them with each other".to_owned();
        add(Severity::Warning, (0, 0), text, None, (0, 0), String::new());
    }
    for shared in &found.shared {
        let (a, b) = shared.pair;
        let domain = &shared.domain;
        let more = match shared.pairs - 1 {
            0 => String::new(),
            1 => " (so can one more pair)".to_owned(),
            n => format!(" (so can {n} more pairs)"),
        };
        let text = format!(
            "agents `{}` and `{}` of the critical domain `{domain}` can run at once{more}: where their work \
             meets, the second goes again on top of the first",
            id(a),
            id(b)
        );
        let there = format!("`{}` is here", id(b));
        let help = "order them by `needs` to do each once";
        let (at, other) = (place(&positions.agents, a), place(&positions.agents, b));
        add(
            Severity::Note,
            at,
            text,
            Some(help.to_owned()),
            other,
            there,
        );
    }
    all
}
