//! `wavedeck ctl`: the operator's actions from a script.

use clap::Args;

use super::{
    args::{Global, RunName},
    error::{Error, Outcome, status},
    find, out, run,
};
use crate::{
    engine::{Action, Target, UNBUILT_ACTIONS},
    plan::suggest::Suggest,
    runtime::client::{Client, ClientError},
};

/// Every verb with its words, for help and messages.
pub const VERBS: &[(&str, &str)] = &[
    ("pause", "pause TARGET…"),
    ("resume", "resume TARGET…"),
    ("stop", "stop [TARGET…]"),
    ("retry", "retry TARGET…"),
    ("mode", "mode sequential|parallel|hybrid"),
    ("sequential", "sequential [--now]"),
    ("swap", "swap AGENT [WORKER]"),
    ("agents", "agents N"),
];

/// Flags of `ctl`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Actions:
  pause TARGET…        freeze what runs, hold back what has not started
  resume TARGET…       take a pause back
  stop [TARGET…]       end agents; without a target the whole run
  retry TARGET…        start an ended or blocked agent, or a phase's red gate, again
  mode MODE            sequential, parallel or hybrid
  sequential [--now]   one agent at a time; --now freezes all but one at once
  swap AGENT [WORKER]  another of its workers from its next attempt on
  agents N             so many agents at once
A TARGET is an agent's id, track:ID, phase:ID or all.")]
pub struct CtlArgs {
    /// Which run.
    #[command(flatten)]
    pub of: RunName,
    /// Ask nothing
    #[arg(short, long)]
    pub yes: bool,
    /// With sequential: freeze all but one at once
    #[arg(long)]
    pub now: bool,
    /// The action and what it is aimed at
    #[arg(required = true, value_name = "ACTION")]
    pub action: Vec<String>,
}

/// Sends actions to a live run.
pub fn ctl(args: &CtlArgs, _global: &Global) -> Outcome {
    let actions = parse(&args.action, args.now)?;
    let whole = actions
        .iter()
        .any(|a| matches!(a, Action::Stop { target: None }));
    if whole && !args.yes && !confirmed("Stop the whole run? [y/N] ")? {
        return Err(Error::usage("nothing was stopped"));
    }
    let dir = find::run_to_steer(args.of.run.as_deref())?;
    if !dir.is_live() {
        return Err(Error::usage(format!("run {} is not live", dir.id)));
    }
    let refused = |error: ClientError| Error::usage(error.to_string());
    let mut client = Client::connect(&dir.path, false).map_err(refused)?;
    for action in actions {
        client.act(action).map_err(refused)?;
    }
    Ok(status::OK)
}

/// Asks a person; without one the answer is the harmless one.
fn confirmed(question: &str) -> Result<bool, Error> {
    use std::io::{BufRead, IsTerminal};
    if !std::io::stdin().is_terminal() {
        return Err(Error::usage("this needs a yes").help("add -y"));
    }
    out::complain(question);
    let mut line = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut line)
        .map_err(|e| Error::internal("no answer", e))?;
    Ok(matches!(line.trim(), "y" | "Y" | "yes"))
}

/// Reads the words of an action; a verb with several targets gives several actions.
///
/// # Errors
///
/// One sentence on what is wrong, or on what is not built.
pub fn parse(words: &[String], now: bool) -> Result<Vec<Action>, Error> {
    let Some((verb, rest)) = words.split_first() else {
        return Err(Error::usage("no action is given"));
    };
    if let Some((name, why)) = UNBUILT_ACTIONS.iter().find(|(name, _)| name == verb) {
        return Err(Error::not_built(&format!("ctl {name}"), why));
    }
    if verb == "stats" {
        return Err(Error::not_built("ctl stats", "use `wavedeck status`"));
    }
    if now && verb != "sequential" {
        return Err(usage("`--now` goes with `sequential` alone", "sequential"));
    }
    let targets = || -> Result<Vec<Target>, Error> {
        if rest.is_empty() {
            return Err(usage(&format!("`{verb}` needs a target"), verb));
        }
        rest.iter().map(|word| target(word)).collect()
    };
    let single = |action: Action| Ok(vec![action]);
    match (verb.as_str(), rest) {
        ("pause", _) => Ok(each(targets()?, |target| Action::Pause { target })),
        ("resume", _) => Ok(each(targets()?, |target| Action::Resume { target })),
        ("retry", _) => Ok(each(targets()?, |target| Action::Retry { target })),
        ("stop", []) => single(Action::Stop { target: None }),
        ("stop", _) => Ok(each(targets()?, |target| Action::Stop {
            target: Some(target),
        })),
        ("mode", [mode]) => match run::mode(mode) {
            Ok(mode) => single(Action::Mode { mode }),
            Err(why) => Err(usage(&format!("`{mode}` is no mode: {why}"), verb)),
        },
        ("sequential", []) => single(Action::Sequential { now }),
        ("swap", [agent]) => single(Action::Swap {
            agent: agent_id(agent)?,
            worker: None,
        }),
        ("swap", [agent, worker]) => single(Action::Swap {
            agent: agent_id(agent)?,
            worker: Some(worker.clone()),
        }),
        ("agents", [cap]) => match cap.parse::<u32>() {
            Ok(cap) if cap > 0 => single(Action::Agents { cap }),
            _ => Err(usage(
                &format!("`{cap}` is no number of agents from 1"),
                verb,
            )),
        },
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
            Err(Error::usage(format!("unknown action `{unknown}`{meant}"))
                .help(format!("actions: {}", all.join(", "))))
        }
    }
}

fn each(targets: Vec<Target>, action: impl Fn(Target) -> Action) -> Vec<Action> {
    targets.into_iter().map(action).collect()
}

fn usage(message: &str, verb: &str) -> Error {
    let words = VERBS.iter().find(|(v, _)| *v == verb).map(|(_, w)| *w);
    let error = Error::usage(message);
    match words {
        Some(words) => error.help(format!(
            "wavedeck ctl {words}; a TARGET is an agent's id, track:ID, phase:ID or all"
        )),
        None => error,
    }
}

fn target(word: &str) -> Result<Target, Error> {
    let Ok(target) = word.parse::<Target>();
    let id = match &target {
        Target::Agent(id) | Target::Track(id) | Target::Phase(id) => id.as_str(),
        Target::All => "all",
    };
    if id.is_empty() || id.contains(':') {
        return Err(Error::usage(format!("`{word}` is no target"))
            .help("an agent's id, track:ID, phase:ID or all"));
    }
    Ok(target)
}

fn agent_id(word: &str) -> Result<String, Error> {
    match target(word)? {
        Target::Agent(id) => Ok(id),
        _ => Err(Error::usage(format!("`{word}` is no agent's id"))
            .help("wavedeck ctl swap AGENT [WORKER]")),
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
            Error::Usage { message, help } => {
                help.map_or(message.clone(), |h| format!("{message} / {h}"))
            }
            other => panic!("{other:?}"),
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
            ("mode", "wavedeck ctl mode sequential|parallel|hybrid"),
            ("sequential api", "wavedeck ctl sequential [--now]"),
            ("stop --now", "`--now` goes with `sequential` alone"),
            ("swap", "wavedeck ctl swap AGENT [WORKER]"),
            ("swap all", "`all` is no agent's id"),
            ("swap a b c", "wavedeck ctl swap AGENT [WORKER]"),
            ("agents 0", "`0` is no number of agents from 1"),
            ("agents many", "`many` is no number"),
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
            assert_eq!(
                said,
                format!("`wavedeck ctl {verb}` is not built yet: {why}")
            );
        }
        assert!(refused("stats").contains("wavedeck status"));
    }
}
