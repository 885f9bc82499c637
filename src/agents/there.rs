//! Whether the program that is there is the one that its adapter knows: from what it prints of itself.
//!
//! Must not start it.

use super::adapter::Adapter;

impl Adapter {
    /// Returns the flags that its help does not name.
    #[must_use]
    pub fn lacks(&self, help: &str) -> Vec<&str> {
        let flags = self.check.flags.iter().map(String::as_str);
        flags.filter(|flag| !names(help, flag)).collect()
    }

    /// Returns the variables of which one holds a key, as far as they are set and not empty. Their names alone.
    #[must_use]
    pub fn keys<'a>(&'a self, read_env: &dyn Fn(&str) -> Option<String>) -> Vec<&'a str> {
        let names = self.provider.env.iter().map(String::as_str);
        names
            .filter(|name| read_env(name).is_some_and(|value| !value.is_empty()))
            .collect()
    }

    /// Whether it is known where a key or login of it would be.
    #[must_use]
    pub fn has_login(&self) -> bool {
        !self.provider.env.is_empty() || !self.provider.files.is_empty()
    }
}

/// Whether a word stands in a text: `--id` is not named by `--idle`.
fn names(text: &str, word: &str) -> bool {
    let part = |c: char| c.is_ascii_alphanumeric() || c == '-';
    text.match_indices(word)
        .any(|(at, _)| !text[..at].ends_with(part) && !text[at + word.len()..].starts_with(part))
}

/// Returns the version that a program prints: the first word that begins with a number and has a dot.
#[must_use]
pub fn version_in(text: &str) -> Option<&str> {
    text.split(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | ',' | ';'))
        .map(|word| word.strip_prefix('v').unwrap_or(word))
        .find(|word| word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agents::Catalog;

    #[test]
    fn a_flag_is_named_as_a_whole() {
        let codex = Catalog::built_in().get("codex").unwrap();
        let help = "Commands:\n  resume  Resume\nOptions:\n  -m, --model <MODEL>\n  --json-schema\n  -c, --config=<k>\n      \
                    --skip-git-repo-check, --dangerously-bypass-approvals-and-sandbox";
        assert_eq!(codex.lacks(help), ["--json"]);
        assert_eq!(codex.lacks("").len(), codex.check.flags.len());
    }

    #[test]
    fn a_version_is_found_in_what_programs_print() {
        for (text, version) in [
            ("2.1.197 (Claude Code)", Some("2.1.197")),
            ("codex-cli 0.169.0\n", Some("0.169.0")),
            ("aider v0.86.2", Some("0.86.2")),
            ("0.61.0\n", Some("0.61.0")),
            ("error: 5 things", None),
        ] {
            assert_eq!(version_in(text), version, "{text}");
        }
    }

    #[test]
    fn keys_are_named_and_never_shown() {
        let claude = Catalog::built_in().get("claude").unwrap();
        let env = |name: &str| match name {
            "ANTHROPIC_API_KEY" => Some("secret".to_owned()),
            "ANTHROPIC_AUTH_TOKEN" => Some(String::new()),
            _ => None,
        };
        assert_eq!(claude.keys(&env), ["ANTHROPIC_API_KEY"]);
    }
}
