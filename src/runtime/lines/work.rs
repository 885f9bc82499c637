//! What is said of work that comes together: merges, conflicts, predictions, the end.
//!
//! Must not decide what waits for a person: that has lines of its own.

use std::fmt::Write as _;

use crate::{
    engine::{
        Answer, AttentionKind, AttentionRaised, Candidate, MergeOutcome, Strategy, TalkEvent,
        WorkEvent,
    },
    plan::AgentId,
};

/// Files and agents that are named in a line.
const NAMED: usize = 3;

/// Says an event about work in words; none for what is routine.
pub(super) fn sentence(event: &WorkEvent) -> Option<String> {
    Some(match event {
        WorkEvent::Collected {
            agent,
            error: Some(error),
            ..
        } => format!("x the work of {agent} cannot be collected: {error}"),
        WorkEvent::Added(of) => format!("  {} is new: {}", of.agent, of.title),
        WorkEvent::HandoffReady {
            agent,
            from_facts: false,
            ..
        } => format!("  {agent} hands off: handoff/{agent}.md in the run's folder"),
        WorkEvent::ScopeViolated { agent, paths, .. } => {
            format!("! {agent} writes outside of its scope: {}", list(paths))
        }
        WorkEvent::Predicted {
            agent, with, files, ..
        } => format!("! {agent} and {with} would clash in {}", list(files)),
        WorkEvent::Withdrawn { agent, with } => {
            format!("  {agent} and {with} would clash no longer")
        }
        WorkEvent::MergeTried {
            agent,
            outcome: MergeOutcome::NoRoom { error },
            ..
        } => format!("! the merge of {agent} waits for room: {error}"),
        WorkEvent::MergeDone { agent, commit, .. } => {
            let short = commit.get(..10).unwrap_or(commit);
            format!("= {agent} merged: {short}")
        }
        // Git's own merges are no news.
        WorkEvent::ConflictDetected {
            strategy: Strategy::AutomaticMerge,
            ..
        } => return None,
        WorkEvent::ConflictDetected {
            id,
            agent,
            with,
            clash,
            strategy,
            ..
        } => {
            let with = if with.is_empty() {
                "what is merged".to_owned()
            } else {
                list(with)
            };
            let place = if clash.files.is_empty() {
                String::new()
            } else {
                format!(" in {}", list(&clash.files))
            };
            let how = match strategy {
                Strategy::GuidedMerge => format!(
                    ": `wavedeck ctl choose {id} all ours|theirs|both`, then `settle {id} chosen`"
                ),
                Strategy::HumanReview => {
                    format!(": `wavedeck ctl settle {id} chosen|sequential|hand-back`")
                }
                Strategy::AutomaticMerge | Strategy::SequentialFallback => String::new(),
            };
            format!("! conflict {id}: {agent} with {with}{place}{how}")
        }
        WorkEvent::ConflictResolved {
            strategy: Strategy::AutomaticMerge,
            by,
            ..
        } if by == "git" => return None,
        WorkEvent::ConflictResolved { id, reason, .. } => {
            format!("  conflict {id} settled: {reason}")
        }
        WorkEvent::ContextUpdated { agent, from, files } => {
            format!("  {from} changed what {agent} builds on: {}", list(files))
        }
        WorkEvent::RollbackStarted { wave, .. } => {
            format!("  the integrated work goes back to wave {wave}")
        }
        WorkEvent::RollbackDone {
            error: Some(error), ..
        } => format!("x the integrated work cannot go back: {error}"),
        WorkEvent::Delivered {
            branch,
            forwarded,
            error,
            ..
        } => delivered(branch, forwarded.as_deref(), error.as_deref()),
        _ => return None,
    })
}

/// Whether an item is about the run as a whole.
pub(super) const fn of_run(kind: AttentionKind) -> bool {
    matches!(
        kind,
        AttentionKind::DayGate | AttentionKind::Deliver | AttentionKind::Budget
    )
}

/// What the run as a whole asks or tells.
pub(super) fn asks(raised: &AttentionRaised) -> String {
    let (title, id) = (&raised.title, raised.id);
    match raised.attention {
        AttentionKind::DayGate => {
            format!("! the 24-hour gate DOES NOT PASS: {title} (`wavedeck ctl answer {id} seen`)")
        }
        _ => format!("! {title} (`wavedeck ctl answer {id} yes|no` while the run waits)"),
    }
}

/// The answer to that.
pub(super) const fn said(kind: AttentionKind, answer: Option<Answer>) -> &'static str {
    match (kind, answer) {
        (AttentionKind::DayGate, Some(_)) => "  the 24-hour gate was seen",
        (AttentionKind::DayGate, None) => "  the 24-hour gate waits no longer",
        (AttentionKind::Budget, Some(Answer::Yes)) => {
            "  more may be used than the plan says, as you said"
        }
        (AttentionKind::Budget, Some(_)) => "  nothing more is started, as you said",
        (AttentionKind::Budget, None) => "  the run asks about its budget no longer",
        (_, Some(Answer::Yes)) => "  your branch goes forward, as you said",
        (_, Some(_)) => "  your branch stays where it is, as you said",
        (_, None) => "  the run asks about its end no longer",
    }
}

/// What a conversation changes for the run as a whole.
pub(super) fn of_talk(talk: &TalkEvent) -> Option<String> {
    Some(match talk {
        TalkEvent::BudgetWarned {
            budget,
            used,
            limit,
        } => format!(
            "! {} of {} used",
            budget.amount(*used),
            budget.amount(*limit)
        ),
        TalkEvent::BudgetSpent {
            budget,
            used,
            limit,
            asked,
        } => {
            let next = asked.map_or_else(String::new, |asked| {
                format!(", what comes next needs {}", budget.amount(asked))
            });
            let (used, limit) = (budget.amount(*used), budget.amount(*limit));
            format!("! {used} of {limit} used{next}: nothing more is started")
        }
        TalkEvent::RateReached { used, limit, .. } => {
            format!("- {used} tokens in the last minute, of {limit}: the next start waits")
        }
        TalkEvent::Limited {
            provider,
            until_us,
            reason,
            ..
        } => {
            let s = until_us.div_ceil(1_000_000);
            let (minutes, seconds) = (s / 60, s % 60);
            format!("- {provider} takes no more until {minutes}:{seconds:02}: {reason}")
        }
        TalkEvent::Unlimited { provider } => format!("  {provider} takes work again"),
        TalkEvent::Chosen {
            agent,
            capability,
            worker,
            among,
            ..
        } => {
            let among = Candidate::all_words(among);
            format!("  {agent} is done by {worker} for {capability}: {among}")
        }
        _ => return None,
    })
}

fn delivered(branch: &str, forwarded: Option<&str>, error: Option<&str>) -> String {
    let there = match (branch, forwarded) {
        ("", _) => "the work is on no branch".to_owned(),
        (branch, Some(own)) => format!("the work is on {branch}, and {own} went forward to it"),
        (branch, None) => {
            format!("the work is on {branch}: `git merge {branch}` takes it")
        }
    };
    match error {
        Some(error) => format!("x {there}; {error}"),
        None => format!("= {there}"),
    }
}

fn list<T: Name>(all: &[T]) -> String {
    let names: Vec<&str> = all.iter().take(NAMED).map(Name::name).collect();
    let mut text = names.join(", ");
    if all.len() > NAMED {
        // Writing into memory cannot fail.
        let _ = write!(text, " and {} more", all.len() - NAMED);
    }
    text
}

/// What has a name for a line.
trait Name {
    fn name(&self) -> &str;
}

impl Name for String {
    fn name(&self) -> &str {
        self
    }
}

impl Name for AgentId {
    fn name(&self) -> &str {
        self.as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_says_where_the_work_is() {
        let said = |branch: &str, own: Option<&str>, error: Option<&str>| {
            sentence(&WorkEvent::Delivered {
                commit: "c".into(),
                branch: branch.into(),
                forwarded: own.map(str::to_owned),
                error: error.map(str::to_owned),
                offer: None,
            })
            .unwrap()
        };
        assert_eq!(
            said("wavedeck/r", None, None),
            "= the work is on wavedeck/r: `git merge wavedeck/r` takes it"
        );
        let forward = said("wavedeck/r", Some("main"), None);
        assert_eq!(
            forward,
            "= the work is on wavedeck/r, and main went forward to it"
        );
        assert_eq!(
            said("", None, Some("no name")),
            "x the work is on no branch; no name"
        );
    }
}
