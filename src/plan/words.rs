//! Splits a command into words as a shell would, without being one: no variables, no globs.
//!
//! Must not run or look up anything.

/// Why a text could not be split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WordsError {
    /// A quote is never closed.
    #[error("the quote {0} is never closed")]
    Quote(char),
    /// The text ends in a backslash.
    #[error("it ends in a backslash")]
    Backslash,
}

/// Splits at white space; quotes and backslashes keep text together.
///
/// In single quotes everything stands for itself; in double quotes a backslash makes `"`, `\`, `$`
/// and a backtick literal; outside, it makes any character literal.
pub fn split(text: &str) -> Result<Vec<String>, WordsError> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' | '\n' | '\r' => words.extend(word.take()),
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next() {
                        Some('\'') => break,
                        Some(c) => word.push(c),
                        None => return Err(WordsError::Quote('\'')),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next() {
                        Some('"') => break,
                        Some('\\') => match chars.next() {
                            Some(c @ ('"' | '\\' | '$' | '`')) => word.push(c),
                            Some('\n') => {}
                            Some(c) => word.extend(['\\', c]),
                            None => return Err(WordsError::Quote('"')),
                        },
                        Some(c) => word.push(c),
                        None => return Err(WordsError::Quote('"')),
                    }
                }
            }
            '\\' => match chars.next() {
                Some('\n') => {}
                Some(c) => word.get_or_insert_default().push(c),
                None => return Err(WordsError::Backslash),
            },
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Ok(words)
}

/// Joins words into one line that [`split`] takes apart into the same words.
#[must_use]
pub fn join<S: AsRef<str>>(words: &[S]) -> String {
    let quoted = |w: &S| {
        let w = w.as_ref();
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:@%+,".contains(c);
        if !w.is_empty() && w.chars().all(plain) {
            w.to_owned()
        } else {
            format!("'{}'", w.replace('\'', r"'\''"))
        }
    };
    words.iter().map(quoted).collect::<Vec<_>>().join(" ")
}

/// Returns the first word that only a shell would understand, where it stands unquoted.
#[must_use]
pub fn shell_operator(words: &[String]) -> Option<&str> {
    const OPERATORS: [&str; 11] = [
        "&&", "||", "|", ";", "&", ">", ">>", "<", "<<", "2>&1", "2>",
    ];
    words
        .iter()
        .skip(1)
        .map(String::as_str)
        .find(|w| OPERATORS.contains(w))
}

/// Returns the first word that a shell would fill in: `$NAME`, or `~/` at its beginning. Commands
/// that are a shell fill them in themselves.
#[must_use]
pub fn shell_expansion(words: &[String]) -> Option<&str> {
    const SHELLS: [&str; 7] = ["sh", "bash", "dash", "zsh", "ksh", "fish", "busybox"];
    let program = words.first()?;
    let name = program.rsplit('/').next().unwrap_or(program);
    if SHELLS.contains(&name) {
        return None;
    }
    let named = |word: &str| {
        word.split('$')
            .skip(1)
            .any(|after| after.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_'))
    };
    words
        .iter()
        .map(String::as_str)
        .find(|word| word.starts_with("~/") || named(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn splits_like_a_shell() {
        let all = |t: &str| split(t).unwrap();
        assert_eq!(all("cargo test  --locked\n"), ["cargo", "test", "--locked"]);
        assert_eq!(
            all("echo 'a b' \"c \\\"d\\\" \\n\" e\\ f"),
            ["echo", "a b", "c \"d\" \\n", "e f"]
        );
        assert_eq!(all("a'b'\"c\"d ''"), ["abcd", ""]);
        assert_eq!(all("echo $HOME *.rs `x`"), ["echo", "$HOME", "*.rs", "`x`"]);
        assert!(all("  ").is_empty());
        assert_eq!(split("echo 'a"), Err(WordsError::Quote('\'')));
        assert_eq!(split("echo \"a\\"), Err(WordsError::Quote('"')));
        assert_eq!(split("echo \\"), Err(WordsError::Backslash));
    }

    proptest! {
        #[test]
        fn join_and_split_are_inverse(words in proptest::collection::vec(".{0,9}", 0..6)) {
            prop_assert_eq!(split(&join(&words)).unwrap(), words);
        }

        #[test]
        fn any_text_splits_or_says_why(text in "(?s).{0,60}") {
            let _ = split(&text);
        }
    }
}
