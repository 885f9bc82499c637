//! Secrets stay out of the journal: what agents, programs and people say is cleaned where it enters.
//!
//! Everything that follows from the journal (state, screens, cards, reports) is clean by that. Must not
//! touch what is no free text: ids, paths and commits are names of things.

use crate::{
    context::redact::{Redactor, values},
    engine::{Action, Exit, Heard, InputKind, MergeOutcome, Trouble, Unready, Words},
    plan::{Plan, Work},
};

/// What is secret in a run: the values of this program's environment and of the plan's.
pub(super) fn redactor(plan: &Plan) -> Redactor {
    let own = environment();
    let own = own.iter().map(|(n, v)| (n.as_str(), v.as_str()));
    let of_plan = plan
        .workspace
        .env
        .iter()
        .map(|(n, v)| (n.as_str(), v.as_str()));
    Redactor::new(&values(own.chain(of_plan)))
}

/// The variables of this program.
fn environment() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

impl Redactor {
    /// Takes the values of this program's environment for secret: for texts from before a run.
    #[must_use]
    pub fn of_environment() -> Self {
        let own = environment();
        Self::new(&values(own.iter().map(|(n, v)| (n.as_str(), v.as_str()))))
    }
}

/// Takes what is secret out of an input.
pub(super) fn clean(mut kind: InputKind, redactor: &Redactor) -> InputKind {
    let one = |text: &mut String| *text = redactor.clean(text);
    match &mut kind {
        InputKind::SpawnFailed { error, .. }
        | InputKind::Refused { why: error, .. }
        | InputKind::NotTold { error }
        | InputKind::Ended {
            exit: Exit::SpawnError(error),
            ..
        }
        | InputKind::Trouble {
            trouble: Trouble::OutputLost(error) | Trouble::NotTold(error),
            ..
        }
        | InputKind::Prepared {
            done: Err(Unready::Failed(error) | Unready::NoRoom(error)),
            ..
        }
        | InputKind::Collected {
            found: Err(error), ..
        }
        | InputKind::Inspected {
            missing: Err(error),
            ..
        }
        | InputKind::Advanced {
            done: Err(error), ..
        }
        | InputKind::CheckedOut {
            done: Err(error), ..
        }
        | InputKind::RolledBack {
            done: Err(error), ..
        }
        | InputKind::Journal { error: Some(error) }
        | InputKind::Delivered {
            error: Some(error), ..
        }
        | InputKind::Progress {
            said: Err(error), ..
        } => one(error),
        InputKind::Progress {
            said: Ok(words), ..
        } => clean_words(words, &one),
        InputKind::Judged { failed, .. } => failed.iter_mut().for_each(one),
        InputKind::Collected {
            found: Ok(found), ..
        } => {
            found.facts.values_mut().for_each(one);
            if let Some(Err(error)) = &mut found.handoff {
                one(error);
            }
        }
        InputKind::Merged { outcome, .. } => match outcome.as_mut() {
            MergeOutcome::Conflict { why: Some(why), .. } => one(why),
            MergeOutcome::Failed { error, .. } => one(error),
            _ => {}
        },
        InputKind::Heard { heard, .. } => match heard.as_mut() {
            Heard::Asked { question, .. } => {
                one(&mut question.text);
                question.options.iter_mut().for_each(one);
                if let Some(call) = &mut question.call {
                    one(&mut call.what);
                }
            }
            Heard::Verdict { reason, .. }
            | Heard::Limited { reason, .. }
            | Heard::Silent { reason } => one(reason),
            _ => {}
        },
        InputKind::Extend { extension, .. } => {
            for agent in &mut extension.agents {
                one(&mut agent.title);
                if let Work::Prompt(prompt) = &mut agent.work {
                    one(prompt);
                }
            }
        }
        InputKind::Operator {
            action:
                Action::Answer {
                    text: Some(text), ..
                }
                | Action::Settle {
                    note: Some(text), ..
                }
                | Action::Comment { text, .. }
                | Action::Tell { text, .. },
            ..
        } => one(text),
        _ => {}
    }
    kind
}

fn clean_words(words: &mut Words, one: &dyn Fn(&mut String)) {
    words.doing.iter_mut().for_each(one);
    words.completed_today.iter_mut().for_each(one);
    words.planned_tomorrow.iter_mut().for_each(one);
    for blocker in &mut words.blockers {
        one(&mut blocker.blocker);
        one(&mut blocker.resolution_plan);
    }
    if let Some(usage) = &mut words.resource_usage {
        usage.model.iter_mut().for_each(one);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        engine::{Blocker, Severity, Via},
        plan::AgentIx,
    };

    #[test]
    fn what_an_agent_reports_is_cleaned_wherever_it_stands() {
        let redactor = Redactor::new(&["pear-tree-77".to_owned()]);
        let said = || "with pear-tree-77".to_owned();
        let words = Words {
            doing: Some(said()),
            completed_today: vec![said()],
            planned_tomorrow: vec![said()],
            blockers: vec![Blocker {
                blocker: said(),
                severity: Severity::High,
                resolution_plan: said(),
                by: String::new(),
            }],
            ..Words::default()
        };
        let kind = InputKind::Progress {
            agent: AgentIx(0),
            attempt: 1,
            via: Via::File,
            said: Ok(Box::new(words)),
        };
        let text = format!("{:?}", clean(kind, &redactor));
        assert!(!text.contains("pear"), "{text}");
        assert_eq!(text.matches("[redacted: known value]").count(), 5);
    }
}
