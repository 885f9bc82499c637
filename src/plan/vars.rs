//! `${variable}` in texts of the plan.
//!
//! Must not report problems or know where a text stands.

use std::borrow::Cow;
use std::collections::BTreeMap;

/// A declared variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    /// One text.
    One(String),
    /// A list, for `each`.
    List(Vec<String>),
}

/// All variables of a plan.
pub(crate) type Vars = BTreeMap<String, Value>;

/// The names that `env` of `[workspace]` leaves for the start of an agent.
pub(crate) const IN_ENV: &[&str] = &["run_dir", "agent", "workspace"];
/// The names that `into` of `[merge]` leaves for the time of the run.
pub(crate) const IN_INTO: &[&str] = &["run"];
/// The name of the element in an agent with `each`.
pub(crate) const ITEM: &str = "item";

/// What is wrong with a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Problem {
    /// No such variable.
    Unknown(String),
    /// It is a list.
    List(String),
    /// `${` without `}`.
    Open,
}

/// Fills in variables; `$${` stands for a literal `${`.
///
/// Texts with late names keep these as well as `$${`, since [`late`] fills them in once more.
/// What is wrong is left in the text and reported through `problem`.
pub(crate) fn fill<'t>(
    text: &'t str,
    vars: &Vars,
    item: Option<&str>,
    names: &[&str],
    mut problem: impl FnMut(Problem),
) -> Cow<'t, str> {
    if !text.contains("${") {
        return Cow::Borrowed(text);
    }
    let late = !names.is_empty();
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        if rest[..at].ends_with('$') {
            out.push_str(&rest[..at - usize::from(!late)]);
            out.push_str("${");
            rest = &rest[at + 2..];
            continue;
        }
        out.push_str(&rest[..at]);
        let Some(end) = rest[at..].find('}').map(|e| at + e) else {
            problem(Problem::Open);
            rest = &rest[at..];
            break;
        };
        let name = &rest[at + 2..end];
        let value = match (name, vars.get(name)) {
            (ITEM, _) if item.is_some() => item,
            (_, Some(Value::One(value))) => Some(value.as_str()),
            (_, Some(Value::List(_))) => {
                problem(Problem::List(name.to_owned()));
                None
            }
            (name, None) if names.contains(&name) => None,
            (name, None) => {
                problem(Problem::Unknown(name.to_owned()));
                None
            }
        };
        match value {
            Some(value) if late => out.push_str(&keep(value)),
            Some(value) => out.push_str(value),
            None => out.push_str(&rest[at..=end]),
        }
        rest = &rest[end + 1..];
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// Fills in what `fill` left in a text of `[workspace]` or `[merge]`: late names by `value`, and
/// `$${` becomes `${`. Bytes, since paths need not be UTF-8.
///
/// A name without a value stays as it is written; a checked plan has none.
#[must_use]
pub fn late<'v>(text: &str, value: &dyn Fn(&str) -> Option<&'v [u8]>) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        if rest[..at].ends_with('$') {
            out.extend_from_slice(&rest.as_bytes()[..at - 1]);
            out.extend_from_slice(b"${");
            rest = &rest[at + 2..];
            continue;
        }
        out.extend_from_slice(&rest.as_bytes()[..at]);
        let end = rest[at..].find('}').map_or(rest.len(), |e| at + e + 1);
        let name = rest[at + 2..end].strip_suffix('}');
        match name.and_then(value) {
            Some(value) => out.extend_from_slice(value),
            None => out.extend_from_slice(&rest.as_bytes()[at..end]),
        }
        rest = &rest[end..];
    }
    out.extend_from_slice(rest.as_bytes());
    out
}

/// The key whose texts know a late name.
pub(crate) fn where_late(name: &str) -> Option<&'static str> {
    if IN_ENV.contains(&name) {
        Some("`env` of [workspace]")
    } else {
        IN_INTO.contains(&name).then_some("`into` of [merge]")
    }
}

/// Writes a text so that [`fill`] gives it back unchanged.
pub(crate) fn keep(text: &str) -> Cow<'_, str> {
    if text.contains("${") {
        Cow::Owned(text.replace("${", "$${"))
    } else {
        Cow::Borrowed(text)
    }
}

/// Whether a name can be a variable's: letters, digits, `_`, `-`, and no name with a meaning.
pub(crate) fn valid_name(name: &str) -> bool {
    !name.is_empty()
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn vars() -> Vars {
        [
            ("a".to_owned(), Value::One("A".to_owned())),
            ("l".to_owned(), Value::List(vec![])),
        ]
        .into()
    }

    fn fill_all(text: &str, item: Option<&str>, names: &[&str]) -> (String, Vec<Problem>) {
        let mut problems = Vec::new();
        let out = fill(text, &vars(), item, names, |p| problems.push(p)).into_owned();
        (out, problems)
    }

    #[test]
    fn fills_known_names_and_reports_the_rest() {
        assert_eq!(
            fill_all("x-${a}-${item}", Some("i"), &[]),
            ("x-A-i".to_owned(), vec![])
        );
        assert_eq!(
            fill_all("$${a} $a ${", None, &[]),
            ("${a} $a ${".to_owned(), vec![Problem::Open])
        );
        assert_eq!(
            fill_all("${b}", None, &[]).1,
            [Problem::Unknown("b".to_owned())]
        );
        assert_eq!(
            fill_all("${item}", None, &[]).1,
            [Problem::Unknown("item".to_owned())]
        );
        assert_eq!(
            fill_all("${l}", None, &[]).1,
            [Problem::List("l".to_owned())]
        );
        assert_eq!(
            fill_all("${run}", None, &[]).1,
            [Problem::Unknown("run".to_owned())]
        );
    }

    #[test]
    fn late_texts_keep_what_the_run_fills_in() {
        assert_eq!(
            fill_all("${run_dir}/${agent}/${a}/$${x}", None, IN_ENV).0,
            "${run_dir}/${agent}/A/$${x}"
        );
        assert_eq!(
            fill_all("${run}", None, IN_ENV).1,
            [Problem::Unknown("run".to_owned())]
        );
    }

    #[test]
    fn what_was_kept_is_filled_in_late() {
        let value = |name: &str| (name == "run").then_some(&b"r\xff${run}"[..]);
        assert_eq!(
            late("a/${run}/$${run}/${no}/$ {", &value),
            b"a/r\xff${run}/${run}/${no}/$ {"
        );
        assert_eq!(late("x${run", &value), b"x${run");
        assert_eq!(late("$${", &value), b"${");
    }

    proptest! {
        #[test]
        fn kept_texts_stay_as_they_are(text in r"[$}{a ]{0,20}") {
            let mut fine = true;
            let kept = keep(&text).into_owned();
            prop_assert_eq!(late(&kept, &|_| None), text.as_bytes());
            prop_assert_eq!(fill(&kept, &vars(), None, &[], |_| fine = false).into_owned(), text);
            prop_assert!(fine);
        }
    }
}
