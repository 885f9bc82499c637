//! Names of the files that check commands leave below `gates/` of a run's folder.
//!
//! An owner's name, the attempt (of gates over more than one: the round), the place of the command;
//! then, from the second round within an attempt on, `+` and the round, and `.base` where the command ran
//! on the run's base to compare. No name of an owner has a `+`, so no two commands of a run share a
//! name. Must not touch files.

/// Attempt, round and place of a check command.
pub type EvidenceKey = (u32, u32, u32);

/// Returns the name of the evidence of a command of `owner` ([`super::Setup::key_of`]).
#[must_use]
pub fn evidence_name(owner: &str, (attempt, round, step): EvidenceKey) -> String {
    match round {
        1 => format!("{owner}.{attempt}.{step}"),
        round => format!("{owner}.{attempt}.{step}+{round}"),
    }
}

/// Returns the name of the evidence of a command that ran on the run's base to compare.
#[must_use]
pub fn base_evidence_name(owner: &str, (attempt, round, step): EvidenceKey) -> String {
    format!("{owner}.{attempt}.{step}+{round}{BASE}")
}

/// Returns whether the name of a file is one of those.
#[must_use]
pub fn is_base_evidence(name: &str) -> bool {
    name.strip_suffix(BASE)
        .is_some_and(|rest| rest.contains('+'))
}

/// Ends the name of what ran on the run's base.
const BASE: &str = ".base";

/// Returns the name that runs of earlier versions gave it, where that was another one. It is also a name
/// of the agent `OWNER.ATTEMPT`, where a plan has one.
#[must_use]
pub fn former_evidence_name(owner: &str, key: EvidenceKey) -> Option<String> {
    let (attempt, round, step) = key;
    (round != 1).then(|| format!("{owner}.{attempt}.{step}.{round}"))
}

/// Returns what the name of a file says, where it is evidence of `owner`. `is_agent` says whether a plan
/// has an agent of that name: then a name that both could have is that agent's.
#[must_use]
pub fn evidence_key(
    owner: &str,
    name: &str,
    is_agent: impl Fn(&str) -> bool,
) -> Option<EvidenceKey> {
    let judged = if is_base_evidence(name) {
        name.strip_suffix(BASE)?
    } else {
        name
    };
    let rest = judged.strip_prefix(owner)?.strip_prefix('.')?;
    let (rest, again) = match rest.split_once('+') {
        Some((rest, round)) => (rest, Some(round.parse().ok()?)),
        None => (rest, None),
    };
    let numbers: Option<Vec<u32>> = rest.split('.').map(|n| n.parse().ok()).collect();
    let key = match (numbers?[..].as_ref(), again) {
        ([attempt, step], round) => (*attempt, round.unwrap_or(1), *step),
        ([attempt, step, round], None) if !is_agent(&format!("{owner}.{attempt}")) => {
            (*attempt, *round, *step)
        }
        _ => return None,
    };
    // Only as it is written: no leading zero, no sign.
    let written = if is_base_evidence(name) {
        base_evidence_name(owner, key) == name
    } else {
        evidence_name(owner, key) == name
    };
    (written || former_evidence_name(owner, key).as_deref() == Some(name)).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_commands_share_a_name_and_each_is_read_as_what_it_is() {
        let mut seen = std::collections::BTreeMap::new();
        for owner in ["a", "a.1", "a.1.1", "phase:a", "track:a.1"] {
            for attempt in 1..4 {
                for round in 1..4 {
                    for step in 0..4 {
                        let key = (attempt, round, step);
                        let name = evidence_name(owner, key);
                        assert_eq!(evidence_key(owner, &name, |_| true), Some(key));
                        let other = seen.insert(name, (owner, key));
                        assert_eq!(other, None);
                        let name = base_evidence_name(owner, key);
                        assert_eq!(evidence_key(owner, &name, |_| true), Some(key));
                        assert!(is_base_evidence(&name));
                        assert_eq!(seen.insert(name, (owner, key)), None);
                    }
                }
            }
        }
        // Nobody takes another's.
        for (name, (owner, _)) in &seen {
            for other in ["a", "a.1", "a.1.1", "phase:a", "track:a.1"] {
                let is_agent = |id: &str| ["a", "a.1", "a.1.1"].contains(&id);
                let read = evidence_key(other, name, is_agent);
                assert_eq!(read.is_some(), other == *owner, "{other} {name}");
            }
        }
    }

    #[test]
    fn names_of_earlier_versions_are_read_where_they_are_nobody_elses() {
        assert_eq!(evidence_key("a", "a.1.2.3", |_| false), Some((1, 3, 2)));
        assert_eq!(evidence_key("a", "a.1.2.3", |id| id == "a.1"), None);
        for strange in [
            "a.01.2",
            "a.1.2.1",
            "a.1.2+1",
            "a.1",
            "a.1.2.3.4",
            "b.1.2",
            "a.1.+2",
        ] {
            assert_eq!(evidence_key("a", strange, |_| false), None, "{strange}");
        }
    }
}
