//! Answers: which item of the attention queue they mean, and whether they are possible now.
//!
//! Must not change anything.

use super::{super::attention::is_link, Refusal, retry::resolve_retry, settle};
use crate::{
    engine::{Answer, AttentionKind, CohortKind, Item, Owner, Settle, State, Status, Target},
    plan::AgentIx,
};

/// Longest text of an answer, in bytes: it stands in one line of the journal and on screens.
const LONGEST: usize = 2000;

/// Whom an item is about, as a target.
pub(super) fn target(state: &State, item: &Item) -> Target {
    match item.owner {
        Some(Owner::Agent(ix)) => Target::Agent(state.id(ix).to_string()),
        Some(Owner::Phase(ix)) => Target::Phase(state.setup.plan.phases[ix.ix()].id.clone()),
        Some(Owner::Cohort(ix)) => match &state.setup.cohorts[ix.ix()] {
            point if point.kind == CohortKind::Run => Target::Run,
            point => match point.name.parse() {
                Ok(target) => target,
                Err(never) => match never {},
            },
        },
        None => Target::All,
    }
}

/// Finds the agents that an answer starts again or stops; none for a yes or a no.
pub(super) fn resolve_answer(
    state: &State,
    id: u32,
    answer: Answer,
    (text, url): (Option<&str>, Option<&str>),
) -> Result<Vec<AgentIx>, Refusal> {
    if state.stopping.is_some() {
        return Err(Refusal::NotNow("the run is stopping".to_owned()));
    }
    let Some(item) = state.attention.open.values().find(|item| item.id == id) else {
        let why = if id > 0 && id <= state.attention.last_id {
            format!("{id} does not wait any more")
        } else {
            format!("nothing with the number {id} waits for you")
        };
        return Err(Refusal::NotNow(why));
    };
    if !item.answers().contains(&answer) {
        let possible: Vec<&str> = item.answers().iter().map(|a| a.name()).collect();
        let what = match item.kind {
            AttentionKind::Approval => "an approval",
            AttentionKind::FailedGate => "a red gate",
            AttentionKind::Blocked => "a blocked agent",
            AttentionKind::Failed => "a failed agent",
            AttentionKind::FailedPhase => "a failed phase",
            AttentionKind::Conflict => "a conflict",
            AttentionKind::Predicted => "a clash that would come",
            AttentionKind::DayGate => "the 24-hour gate",
            AttentionKind::Permission => "a question whether an agent may do something",
            AttentionKind::Question => "a question of an agent",
            AttentionKind::Deliver => "the question whether your branch goes forward",
            AttentionKind::Budget => "a budget that is used up",
        };
        return Err(Refusal::NotNow(format!(
            "{id} is {what}: it takes {}, not {}",
            possible.join(" or "),
            answer.name()
        )));
    }
    if text.is_some_and(|text| text.len() > LONGEST) {
        return Err(Refusal::NotNow(format!(
            "the text is longer than {LONGEST} bytes"
        )));
    }
    if let Some(url) = url
        && (url.len() > LONGEST || !is_link(url))
    {
        let why = "a URL begins with http:// or https:// and has no blanks";
        return Err(Refusal::NotNow(why.to_owned()));
    }
    if answer == Answer::Say && text.is_none_or(|text| text.trim().is_empty()) {
        return Err(Refusal::NotNow(format!(
            "{id} is a question: say something"
        )));
    }
    match (answer, item.owner) {
        (Answer::Retry, _) => resolve_retry(state, &target(state, item)),
        (Answer::Stop, Some(Owner::Agent(ix))) if state.agent(ix).status == Status::Blocked => {
            Ok(vec![ix])
        }
        (Answer::Settle, Some(Owner::Agent(ix))) => {
            settle::possible(state, ix, Settle::Chosen)?;
            Ok(vec![ix])
        }
        (Answer::Sequential, Some(Owner::Agent(ix))) => Ok(vec![ix]),
        (_, _) => Ok(Vec::new()),
    }
}
