//! The words of actions: one grammar for `ctl` and the deck's palette.
//!
//! Must not decide whether an action is possible now; that is [`super::resolve`].

use crate::plan::{Mode, suggest::Suggest};

use super::{ADD_WORDS, Action, Addition, Answer, Pick, Settle, Target, UNBUILT_ACTIONS};

/// Why words are no action.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// They cannot be read.
    #[error("{message}")]
    Usage {
        /// What is wrong.
        message: String,
        /// What to do.
        help: Option<String>,
    },
    /// The action is not built.
    #[error("{verb} is not built yet: {why}")]
    NotBuilt {
        /// Its name.
        verb: String,
        /// What to do instead.
        why: String,
    },
}

impl ParseError {
    fn usage(message: impl Into<String>) -> Self {
        Self::Usage {
            message: message.into(),
            help: None,
        }
    }

    fn help(self, text: impl Into<String>) -> Self {
        match self {
            Self::Usage { message, .. } => Self::Usage {
                message,
                help: Some(text.into()),
            },
            other @ Self::NotBuilt { .. } => other,
        }
    }
}

/// Every verb with its words, for help and messages.
pub const VERBS: &[(&str, &str)] = &[
    ("pause", "pause TARGET…"),
    ("park", "park TARGET…"),
    ("resume", "resume TARGET…"),
    ("stop", "stop [TARGET…]"),
    ("retry", "retry TARGET…"),
    ("mode", "mode sequential|parallel|hybrid"),
    ("sequential", "sequential [--now]"),
    ("swap", "swap AGENT [WORKER]"),
    ("pin", "pin AGENT"),
    ("unpin", "unpin AGENT"),
    ("agents", "agents N"),
    ("add", ADD_WORDS),
    (
        "answer",
        "answer ID yes|no|retry|stop|seen|settle|sequential|always|say [TEXT…]",
    ),
    ("tell", "tell AGENT [--now] TEXT…"),
    ("open", "open AGENT [--now]"),
    ("close", "close AGENT"),
    (
        "choose",
        "choose CONFLICT FILE[#PLACE]|all ours|theirs|both|both-reversed|base|edit:SHA256",
    ),
    ("undo", "undo CONFLICT"),
    (
        "settle",
        "settle CONFLICT chosen|sequential|hand-back|escalate [NOTE…]",
    ),
    ("comment", "comment AGENT FILE[:LINE] TEXT…"),
    ("send-back", "send-back AGENT"),
    ("rollback", "rollback WAVE"),
    ("approve", "approve ID…"),
];

/// Reads the words of an action; a verb with several targets gives several actions.
///
/// # Errors
///
/// One sentence on what is wrong, or on what is not built.
pub fn parse(words: &[String], now: bool) -> Result<Vec<Action>, ParseError> {
    let Some((verb, rest)) = words.split_first() else {
        return Err(ParseError::usage("no action is given"));
    };
    // The words of the state table for the same.
    let verb = &match verb.as_str() {
        "freeze" => "pause".to_owned(),
        "thaw" => "resume".to_owned(),
        _ => verb.clone(),
    };
    if let Some((name, why)) = UNBUILT_ACTIONS.iter().find(|(name, _)| name == verb) {
        return Err(ParseError::NotBuilt {
            verb: (*name).to_owned(),
            why: (*why).to_owned(),
        });
    }
    if verb == "stats" {
        return Err(ParseError::NotBuilt {
            verb: "stats".to_owned(),
            why: "use `wavedeck status`".to_owned(),
        });
    }
    if now && !matches!(verb.as_str(), "sequential" | "tell" | "open") {
        return Err(usage(
            "`--now` goes with `sequential`, `tell` and `open` alone",
            verb,
        ));
    }
    let targets = || -> Result<Vec<Target>, ParseError> {
        if rest.is_empty() {
            return Err(usage(&format!("`{verb}` needs a target"), verb));
        }
        rest.iter().map(|word| target(word)).collect()
    };
    let single = |action: Action| Ok(vec![action]);
    match (verb.as_str(), rest) {
        ("pause", _) => Ok(each(targets()?, |target| Action::Pause { target })),
        ("resume", _) => Ok(each(targets()?, |target| Action::Resume { target })),
        ("park", _) => Ok(each(targets()?, |target| Action::Park { target })),
        ("pin", [agent]) => single(Action::Pin {
            agent: agent_id(agent, verb)?,
            on: true,
        }),
        ("unpin", [agent]) => single(Action::Pin {
            agent: agent_id(agent, verb)?,
            on: false,
        }),
        ("retry", _) => Ok(each(targets()?, |target| Action::Retry { target })),
        ("stop", []) => single(Action::Stop { target: None }),
        ("stop", _) => Ok(each(targets()?, |target| Action::Stop {
            target: Some(target),
        })),
        ("mode", [mode]) => match mode_named(mode) {
            Some(mode) => single(Action::Mode { mode }),
            None => Err(usage(
                &format!("`{mode}` is no mode: expected sequential, parallel or hybrid"),
                verb,
            )),
        },
        ("sequential", []) => single(Action::Sequential { now }),
        ("swap", [agent]) => single(Action::Swap {
            agent: agent_id(agent, verb)?,
            worker: None,
        }),
        ("swap", [agent, worker]) => single(Action::Swap {
            agent: agent_id(agent, verb)?,
            worker: Some(worker.clone()),
        }),
        ("agents", [cap]) => match cap.parse::<u32>() {
            Ok(cap) if cap > 0 => single(Action::Agents { cap }),
            _ => Err(usage(
                &format!("`{cap}` is no number of agents from 1"),
                verb,
            )),
        },
        ("answer", [id, word, text @ ..]) => single(answer(id, word, text)?),
        ("choose", [id, place, pick]) => single(choose(id, place, pick)?),
        ("undo", [id]) => single(Action::Undo {
            conflict: conflict(id, verb)?,
        }),
        ("settle", [id, how, note @ ..]) => single(settle(id, how, note)?),
        ("comment", [agent, place, text @ ..]) if !text.is_empty() => {
            single(comment(agent_id(agent, verb)?, place, text))
        }
        ("tell", [agent, text @ ..]) if !text.is_empty() => single(Action::Tell {
            agent: agent_id(agent, verb)?,
            text: text.join(" "),
            now,
        }),
        ("add", _) => match Addition::of_words(rest) {
            Ok(wanted) => single(Action::Add {
                wanted: Some(Box::new(wanted)),
            }),
            Err(why) => Err(usage(&why, verb)),
        },
        ("open", [agent]) => single(Action::Open {
            agent: agent_id(agent, verb)?,
            now,
        }),
        ("close", [agent]) => single(Action::Close {
            agent: agent_id(agent, verb)?,
        }),
        ("send-back", [agent]) => single(Action::SendBack {
            agent: agent_id(agent, verb)?,
        }),
        ("rollback", [wave]) => match wave.parse::<u32>() {
            Ok(wave) => single(Action::Rollback { wave }),
            Err(_) => Err(usage(
                &format!("`{wave}` is no wave: expected a number, 0 for the beginning"),
                verb,
            )),
        },
        ("approve", [_, ..]) => rest
            .iter()
            .map(|id| answer(id, Answer::Yes.name(), &[]))
            .collect(),
        (known, _) if VERBS.iter().any(|(v, _)| *v == known) => Err(usage(
            &format!("`{known}` does not take these words"),
            known,
        )),
        (unknown, _) => {
            let known = VERBS.iter().map(|(v, _)| *v);
            let meant = Suggest::default()
                .nearest(
                    unknown,
                    known.chain(UNBUILT_ACTIONS.iter().map(|(v, _)| *v)),
                )
                .map_or_else(String::new, |m| format!(", did you mean `{m}`?"));
            let all: Vec<&str> = VERBS.iter().map(|(v, _)| *v).collect();
            Err(
                ParseError::usage(format!("unknown action `{unknown}`{meant}"))
                    .help(format!("actions: {}", all.join(", "))),
            )
        }
    }
}

fn each(targets: Vec<Target>, action: impl Fn(Target) -> Action) -> Vec<Action> {
    targets.into_iter().map(action).collect()
}

fn usage(message: &str, verb: &str) -> ParseError {
    let words = VERBS.iter().find(|(v, _)| *v == verb).map(|(_, w)| *w);
    let error = ParseError::usage(message);
    match words {
        Some(words) if !words.contains("TARGET") => error.help(words),
        Some(words) => error.help(format!(
            "{words}; a TARGET is an agent's id, track:ID, phase:ID, wave:N, run or all"
        )),
        None => error,
    }
}

fn target(word: &str) -> Result<Target, ParseError> {
    let Ok(target) = word.parse::<Target>();
    let id = match &target {
        Target::Agent(id) | Target::Track(id) | Target::Phase(id) => id.as_str(),
        Target::All | Target::Wave(_) | Target::Run => "all",
    };
    if id.is_empty() || id.contains(':') {
        return Err(ParseError::usage(format!("`{word}` is no target"))
            .help("an agent's id, track:ID, phase:ID, wave:N, run or all"));
    }
    Ok(target)
}

fn agent_id(word: &str, verb: &str) -> Result<String, ParseError> {
    match target(word)? {
        Target::Agent(id) => Ok(id),
        _ => Err(usage(&format!("`{word}` is no agent's id"), verb)),
    }
}

/// Reads an answer to an item of the attention queue.
fn answer(id: &str, word: &str, text: &[String]) -> Result<Action, ParseError> {
    let number = id.parse::<u32>().ok().filter(|id| *id > 0);
    let number = number.ok_or_else(|| {
        usage(
            &format!("`{id}` is no number of the queue; `wavedeck asks` lists it"),
            "answer",
        )
    })?;
    let known = Answer::ALL.into_iter().find(|a| a.name() == word);
    let answer = known.ok_or_else(|| {
        usage(
            &format!(
                "`{word}` is no answer: expected yes, no, retry, stop, seen, settle, sequential, always \
                 or say"
            ),
            "answer",
        )
    })?;
    let text = text.join(" ");
    Ok(Action::Answer {
        id: number,
        answer,
        text: (!text.is_empty()).then_some(text),
        url: None,
    })
}

fn conflict(id: &str, verb: &str) -> Result<u32, ParseError> {
    let number = id.parse::<u32>().ok().filter(|id| *id > 0);
    number.ok_or_else(|| usage(&format!("`{id}` is no number of a conflict"), verb))
}

/// Reads a comment. A place is a file, or `FILE:LINE`.
fn comment(agent: String, place: &str, text: &[String]) -> Action {
    let line = place
        .rsplit_once(':')
        .and_then(|(file, line)| Some((file, line.parse::<u32>().ok()?)));
    let (file, line) = line.unwrap_or((place, 0));
    Action::Comment {
        agent,
        file: file.to_owned(),
        line,
        text: text.join(" "),
    }
}

/// Reads a choice in a conflict. A place is a file, `FILE#KEY`, or `all`.
fn choose(id: &str, place: &str, pick: &str) -> Result<Action, ParseError> {
    let picked = match pick {
        "ours" => Pick::Ours,
        "theirs" => Pick::Theirs,
        "both" => Pick::Both,
        "both-reversed" => Pick::BothReversed,
        "base" => Pick::Base,
        _ => match pick.strip_prefix("edit:") {
            Some(hash) => Pick::Edited(hash.to_owned()),
            None => return Err(usage(&format!("`{pick}` is no choice"), "choose")),
        },
    };
    let (file, hunk) = match place.rsplit_once('#') {
        _ if place == "all" => (None, None),
        Some((file, key)) => (Some(file.to_owned()), Some(key.to_owned())),
        None => (Some(place.to_owned()), None),
    };
    Ok(Action::Choose {
        conflict: conflict(id, "choose")?,
        file,
        hunk,
        pick: picked,
    })
}

fn settle(id: &str, how: &str, note: &[String]) -> Result<Action, ParseError> {
    let known = Settle::ALL.into_iter().find(|s| s.name() == how);
    let how = known.ok_or_else(|| {
        usage(
            &format!("`{how}` is not how a conflict is settled"),
            "settle",
        )
    })?;
    let note = note.join(" ");
    Ok(Action::Settle {
        conflict: conflict(id, "settle")?,
        how,
        note: (!note.is_empty()).then_some(note),
    })
}

/// Returns the mode of a name.
#[must_use]
pub fn mode_named(name: &str) -> Option<Mode> {
    match name {
        "sequential" => Some(Mode::Sequential),
        "parallel" => Some(Mode::Parallel),
        "hybrid" => Some(Mode::Hybrid),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Mode;

    fn ok(line: &str) -> Vec<Action> {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let now = words.iter().any(|w| w == "--now");
        let words: Vec<String> = words.into_iter().filter(|w| w != "--now").collect();
        parse(&words, now).unwrap()
    }

    fn refused(line: &str) -> String {
        let now = line.contains("--now");
        let words: Vec<String> = line
            .split(' ')
            .filter(|w| *w != "--now")
            .map(str::to_owned)
            .collect();
        match parse(&words, now).unwrap_err() {
            ParseError::Usage { message, help } => {
                help.map_or(message.clone(), |h| format!("{message} / {h}"))
            }
            error @ ParseError::NotBuilt { .. } => error.to_string(),
        }
    }

    fn api() -> Target {
        Target::Agent("api".to_owned())
    }

    #[test]
    fn every_action_is_read() {
        assert_eq!(
            ok("pause api track:A phase:build all"),
            [
                Action::Pause { target: api() },
                Action::Pause {
                    target: Target::Track("A".to_owned())
                },
                Action::Pause {
                    target: Target::Phase("build".to_owned())
                },
                Action::Pause {
                    target: Target::All
                },
            ]
        );
        assert_eq!(ok("resume api"), [Action::Resume { target: api() }]);
        assert_eq!(ok("freeze api"), ok("pause api"));
        assert_eq!(ok("thaw api"), ok("resume api"));
        assert_eq!(ok("stop"), [Action::Stop { target: None }]);
        assert_eq!(
            ok("stop api"),
            [Action::Stop {
                target: Some(api())
            }]
        );
        assert_eq!(ok("retry api"), [Action::Retry { target: api() }]);
        assert_eq!(
            ok("mode parallel"),
            [Action::Mode {
                mode: Mode::Parallel
            }]
        );
        assert_eq!(ok("sequential"), [Action::Sequential { now: false }]);
        assert_eq!(ok("sequential --now"), [Action::Sequential { now: true }]);
        let swap = |worker: Option<&str>| Action::Swap {
            agent: "api".to_owned(),
            worker: worker.map(str::to_owned),
        };
        assert_eq!(ok("swap api"), [swap(None)]);
        assert_eq!(ok("swap api claude:sonnet"), [swap(Some("claude:sonnet"))]);
        assert_eq!(ok("agents 3"), [Action::Agents { cap: 3 }]);
        let answer = |id, answer, text: Option<&str>| Action::Answer {
            id,
            answer,
            text: text.map(str::to_owned),
            url: None,
        };
        assert_eq!(ok("answer 3 yes"), [answer(3, Answer::Yes, None)]);
        assert_eq!(
            ok("answer 12 no too wide"),
            [answer(12, Answer::No, Some("too wide"))]
        );
        assert_eq!(ok("answer 4 retry"), [answer(4, Answer::Retry, None)]);
        assert_eq!(ok("answer 5 always"), [answer(5, Answer::Always, None)]);
        assert_eq!(
            ok("answer 6 say use the second"),
            [answer(6, Answer::Say, Some("use the second"))]
        );
        let tell = |now| Action::Tell {
            agent: "api".to_owned(),
            text: "use the new schema".to_owned(),
            now,
        };
        let open = |now| Action::Open {
            agent: "api".to_owned(),
            now,
        };
        assert_eq!(ok("open api"), [open(false)]);
        assert_eq!(ok("open api --now"), [open(true)]);
        let agent = "api".to_owned();
        assert_eq!(ok("close api"), [Action::Close { agent }]);
        assert_eq!(ok("tell api use the new schema"), [tell(false)]);
        assert_eq!(ok("tell api --now use the new schema"), [tell(true)]);
        assert_eq!(
            ok("approve 1 2"),
            [answer(1, Answer::Yes, None), answer(2, Answer::Yes, None)]
        );
    }

    #[test]
    fn bad_words_are_named_with_the_form_that_is_meant() {
        let cases = [
            ("pause", "`pause` needs a target"),
            ("resume", "`resume` needs a target"),
            ("retry", "`retry` needs a target"),
            ("pause track:", "`track:` is no target"),
            ("pause lane:A", "`lane:A` is no target"),
            ("mode fast", "`fast` is no mode"),
            ("mode", "mode sequential|parallel|hybrid"),
            ("sequential api", "sequential [--now]"),
            (
                "stop --now",
                "`--now` goes with `sequential`, `tell` and `open` alone",
            ),
            ("open api now", "open AGENT [--now]"),
            ("tell api", "tell AGENT [--now] TEXT"),
            ("tell all stop it", "`all` is no agent's id / tell AGENT"),
            ("swap", "swap AGENT [WORKER]"),
            ("swap all", "`all` is no agent's id"),
            ("swap a b c", "swap AGENT [WORKER]"),
            ("agents 0", "`0` is no number of agents from 1"),
            ("agents many", "`many` is no number"),
            ("answer", "answer ID yes|no|retry|stop|seen"),
            ("answer 3", "answer ID yes|no|retry|stop|seen"),
            ("answer api yes", "`api` is no number of the queue"),
            ("answer 0 yes", "`0` is no number of the queue"),
            ("answer 3 perhaps", "`perhaps` is no answer"),
            ("approve", "approve ID"),
            ("puase api", "did you mean `pause`?"),
            ("dance", "unknown action `dance`"),
        ];
        for (line, expected) in cases {
            let said = refused(line);
            assert!(said.contains(expected), "{line}: {said}");
        }
    }

    #[test]
    fn every_verb_that_is_not_built_says_so() {
        for (verb, why) in UNBUILT_ACTIONS {
            let said = refused(&format!("{verb} api"));
            assert_eq!(said, format!("{verb} is not built yet: {why}"));
        }
        assert!(refused("stats").contains("wavedeck status"));
    }
}
