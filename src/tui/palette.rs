//! The palette: every action by its words, found by typing some of their letters.
//!
//! Generated from the keymap and from the vocabulary that `ctl` has; must not hold an action of its
//! own.

use crate::{
    display::clean_line,
    engine::{
        Action, State,
        words::{ParseError, VERBS, parse},
    },
    plan::AgentIx,
};

use super::{
    action::UiAction,
    keymap::{Keymap, Topic, Whence},
    view::attention,
};

/// What an entry does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Does {
    /// What a key does.
    Key(UiAction),
    /// Actions on the run.
    Act(Vec<Action>),
    /// Puts words into the line, for more to follow.
    Type(String),
    /// Nothing: it says what is missing.
    Nothing,
    /// Nothing here: a recording, or a dashboard that may only look.
    Barred,
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// In words.
    pub text: String,
    /// The key that does the same, or the words that are typed.
    pub hint: String,
    /// What it does.
    pub does: Does,
}

/// Entries that are listed.
const MOST: usize = 100;

/// Finds the entries for what was typed, the best first.
#[must_use]
pub fn entries(typed: &str, keys: &Keymap, state: Option<&State>, from: Whence) -> Vec<Entry> {
    let mut out: Vec<(u32, Entry)> = Vec::new();
    let words: Vec<String> = typed.split_whitespace().map(str::to_owned).collect();
    if let Some(entry) = exact(&words) {
        out.push((u32::MAX, entry));
    }
    if let Some(state) = state {
        out.extend(targets(&words, typed.ends_with(' '), state));
        out.extend(answers(&words, typed.ends_with(' '), state));
    }
    // What changes the run stands first among equals.
    let bindings = Topic::ALL
        .into_iter()
        .flat_map(|topic| keys.all().filter(move |b| b.topic == topic));
    for binding in bindings {
        if matches!(binding.run, UiAction::Unbuilt | UiAction::Palette) {
            continue;
        }
        let hint = binding.hint.as_deref().and_then(|h| score(typed, h));
        if let Some(score) = score(typed, &binding.desc).max(hint) {
            out.push((
                score,
                Entry {
                    text: binding.desc.clone(),
                    hint: binding
                        .keys
                        .first()
                        .map(ToString::to_string)
                        .unwrap_or_default(),
                    does: Does::Key(binding.run),
                },
            ));
        }
    }
    for (verb, usage) in VERBS {
        if words.first().is_some_and(|word| word == verb) {
            continue;
        }
        if let Some(score) = score(typed, usage) {
            out.push((
                score,
                Entry {
                    text: (*usage).to_owned(),
                    hint: String::new(),
                    does: at_once(verb, usage).unwrap_or_else(|| Does::Type(format!("{verb} "))),
                },
            ));
        }
    }
    if let Some(why) = from.bars(Topic::Act) {
        for (_, entry) in &mut out {
            let changes = match &entry.does {
                Does::Key(action) => matches!(action, UiAction::Do(_) | UiAction::Keyboard),
                Does::Act(_) | Does::Type(_) => true,
                Does::Nothing | Does::Barred => false,
            };
            if changes {
                why.clone_into(&mut entry.hint);
                entry.does = Does::Barred;
            }
        }
    }
    // What does nothing here comes last.
    out.sort_by_key(|(score, entry)| (entry.does == Does::Barred, std::cmp::Reverse(*score)));
    out.into_iter().map(|(_, entry)| entry).take(MOST).collect()
}

/// What a verb does that needs no more words.
fn at_once(verb: &str, usage: &str) -> Option<Does> {
    let rest = usage.strip_prefix(verb)?.trim_start();
    let needs_none = rest.is_empty() || rest.starts_with("[--");
    let words = [verb.to_owned()];
    needs_none
        .then(|| parse(&words, false).ok().map(Does::Act))
        .flatten()
}

/// The action that the words are, or what is wrong with them.
fn exact(words: &[String]) -> Option<Entry> {
    let first = words.first()?;
    let known = VERBS.iter().find(|(verb, _)| verb == first)?;
    let now = words.iter().any(|word| word == "--now");
    let rest: Vec<String> = words.iter().filter(|w| *w != "--now").cloned().collect();
    Some(match parse(&rest, now) {
        Ok(actions) => Entry {
            text: words.join(" "),
            hint: known.1.to_owned(),
            does: Does::Act(actions),
        },
        Err(ParseError::Usage { message, .. }) => Entry {
            text: message,
            hint: known.1.to_owned(),
            does: Does::Nothing,
        },
        Err(error) => Entry {
            text: error.to_string(),
            hint: String::new(),
            does: Does::Nothing,
        },
    })
}

/// Completions of the last word by what the run has: agents, tracks, phases.
fn targets(words: &[String], ended: bool, state: &State) -> Vec<(u32, Entry)> {
    let Some((verb, rest)) = words.split_first() else {
        return Vec::new();
    };
    let models = verb == "unload";
    let takes = models
        || matches!(
            verb.as_str(),
            "pause" | "resume" | "park" | "pin" | "unpin" | "stop" | "retry" | "swap"
        );
    if !takes || (rest.is_empty() && !ended) {
        return Vec::new();
    }
    let typed = if ended {
        ""
    } else {
        rest.last().map_or("", String::as_str)
    };
    let before = if ended {
        words
    } else {
        &words[..words.len() - 1]
    };
    let plan = &state.setup.plan;
    let agents = plan.indices().map(|ix: AgentIx| state.id(ix).to_string());
    let mut names: Vec<String> = if models {
        plan.models.iter().map(|model| model.id.clone()).collect()
    } else {
        agents.collect()
    };
    if !models && !matches!(verb.as_str(), "swap" | "pin" | "unpin") {
        names.extend(plan.tracks.iter().map(|t| format!("track:{}", t.id)));
        names.extend(plan.phases.iter().map(|p| format!("phase:{}", p.id)));
        names.push("all".to_owned());
    }
    names
        .into_iter()
        .filter(|name| name != typed)
        .filter_map(|name| Some((score(typed, &name)?, name)))
        .map(|(score, name)| {
            let text = format!("{} {name}", before.join(" "));
            (
                score.saturating_add(10_000),
                Entry {
                    hint: String::new(),
                    does: Does::Type(text.clone()),
                    text,
                },
            )
        })
        .collect()
}

/// Completions of `answer` by what waits, the oldest first.
fn answers(words: &[String], ended: bool, state: &State) -> Vec<(u32, Entry)> {
    let asked = match words {
        [verb] => verb == "answer" && ended,
        [verb, _] => verb == "answer" && !ended,
        _ => false,
    };
    if !asked {
        return Vec::new();
    }
    let number = words.get(1).map_or("", String::as_str);
    let items = attention::waiting(state);
    let known = items
        .iter()
        .filter(|item| item.id > 0 && item.id.to_string().starts_with(number));
    let mut score = 20_000_u32;
    known
        .flat_map(|item| item.answers().iter().map(move |answer| (item, answer)))
        .map(|(item, answer)| {
            score = score.saturating_sub(1);
            let text = format!("answer {} {}", item.id, answer.name());
            let entry = Entry {
                hint: clean_line(&item.title, 40),
                does: Does::Type(text.clone()),
                text,
            };
            (score, entry)
        })
        .collect()
}

/// How well typed letters fit a text, all of them in their order; none: they do not. A letter follows
/// the one before, or begins a word: letters scattered over a sentence find everything, and nothing.
#[must_use]
pub fn score(typed: &str, text: &str) -> Option<u32> {
    let text: Vec<char> = text.chars().flat_map(char::to_lowercase).collect();
    let begins = |at: usize| at == 0 || !text[at - 1].is_alphanumeric();
    let worth = |at: usize, run: u32| 2 * run + if begins(at) { 8 } else { 0 };
    let gap = |from: usize, to: usize| u32::try_from((to - from).min(6)).unwrap_or(6);
    // For each place the best score, and letters in a row, with the last letter there.
    let mut best: Option<Vec<Option<(u32, u32)>>> = None;
    let letters = typed.chars().filter(|c| !c.is_whitespace());
    for c in letters.flat_map(char::to_lowercase) {
        let fits = |at: usize| {
            let Some(before) = &best else {
                let score = (1 + worth(at, 1)).saturating_sub(gap(0, at));
                return Some((score.max(1), 1));
            };
            let follows = at.checked_sub(1).and_then(|last| before[last]);
            let follows = follows.map(|(score, run)| (score + worth(at, run + 1), run + 1));
            let jumps = before[..at].iter().enumerate().filter(|_| begins(at));
            jumps
                .filter_map(|(from, had)| {
                    let (score, _) = (*had)?;
                    let score = (score + worth(at, 1)).saturating_sub(gap(from + 1, at));
                    Some((score.max(1), 1))
                })
                .chain(follows)
                .max()
        };
        let next: Vec<Option<(u32, u32)>> = (0..text.len())
            .map(|at| fits(at).filter(|_| text[at] == c))
            .collect();
        best = Some(next);
    }
    match best {
        None => Some(1),
        Some(ends) => ends.into_iter().flatten().max().map(|(score, _)| score),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::{action::Verb, tests::fixture};

    fn found(typed: &str) -> Vec<Entry> {
        let run = fixture::full();
        entries(typed, &Keymap::default(), Some(&run.state), Whence::Live)
    }

    #[test]
    fn letters_find_what_they_begin() {
        // The word in the footer finds it, and it asks.
        let first = Does::Key(UiAction::Do(Verb::Sequential));
        assert_eq!(found("seq")[0].does, first);
        let after = Does::Act(vec![Action::Sequential { now: false }]);
        assert!(found("seq").iter().any(|e| e.does == after));
        assert!(matches!(found("")[0].does, Does::Key(UiAction::Do(_))));
        assert!(found("wave graph")[0].text.contains("wave graph"));
        assert!(score("zzz", "freeze").is_none());
        assert!(score("fr", "freeze") > score("fr", "of a row"));
        assert!(score("wg", "the wave graph").is_some());
        assert!(score("ilter", "a filter").is_some());
        // What has the letters somewhere is not what was meant.
        assert!(score("fre", "the focused pane a row larger").is_none());
        let all = found("fre");
        assert!(all[0].text.starts_with("freeze"), "{}", all[0].text);
        assert!(all.len() < 8, "{all:#?}");
    }

    #[test]
    fn what_may_not_be_done_here_says_so_and_comes_last() {
        let run = fixture::full();
        let of = |typed| {
            entries(
                typed,
                &Keymap::default(),
                Some(&run.state),
                Whence::Recording,
            )
        };
        let all = of("");
        let barred: Vec<&Entry> = all.iter().filter(|e| e.does == Does::Barred).collect();
        assert!(barred.iter().any(|e| e.text.contains("stop (asks)")));
        assert!(barred.iter().all(|e| e.hint == "recording"));
        assert!(
            all[..all.len() - barred.len()]
                .iter()
                .all(|e| e.does != Does::Barred)
        );
        assert_eq!(of("pause all")[0].does, Does::Barred);
    }

    #[test]
    fn words_of_ctl_are_actions() {
        let first = &found("agents 3")[0];
        assert_eq!(first.does, Does::Act(vec![Action::Agents { cap: 3 }]));
        let first = &found("agents x")[0];
        assert_eq!(first.does, Does::Nothing);
        assert!(first.text.contains("no number"), "{}", first.text);
        let all = found("pause ap");
        assert!(
            all.iter()
                .any(|e| e.does == Does::Type("pause api".to_owned()))
        );
        let all = found("pause ");
        assert!(all.iter().any(|e| e.text == "pause track:A"));
    }

    #[test]
    fn everything_that_a_key_does_is_there() {
        let keys = Keymap::default();
        let all = entries("", &keys, None, Whence::Live);
        for binding in keys
            .all()
            .filter(|b| !matches!(b.run, UiAction::Unbuilt | UiAction::Palette))
        {
            assert!(
                all.iter().any(|e| e.does == Does::Key(binding.run)),
                "{}",
                binding.desc
            );
        }
    }
}
