//! Reads what an agent says of work that comes together: scope, domains, inputs, outputs, join.
//!
//! Must not follow references nor compare agents: `layers_work.rs` and the graph's overlaps do.

use toml::de::DeValue;

use super::decode::{Decoder, Val, at};
use super::diag::Sp;
use super::keys;
use super::model::{Join, Scope};
use super::spec::AgentSpec;

/// Policies for conflicts by their names.
pub(crate) const JOINS: [(&str, Join); 3] = [
    ("fail-fast", Join::FailFast),
    ("merge-with-rules", Join::MergeWithRules),
    ("manual-escalation", Join::ManualEscalation),
];

/// Longest path or glob in bytes; the system knows none that is longer.
const LONGEST_PATH: usize = 4096;

/// Globs that a list may hold, as those who watch count.
const MOST_GLOBS: usize = 4096;

impl AgentSpec {
    /// Reads one of these keys; returns whether it is one.
    pub(super) fn together(&mut self, d: &mut Decoder, name: &str, value: &Val<'_>) -> bool {
        match name {
            "scope" => self.scope = scope(d, value),
            "domains" => {
                const WHAT: &str = "a list of domains such as [\"db-schema\"]";
                self.domains = d.list(value, WHAT, Decoder::id);
            }
            "inputs" => self.inputs = paths(d, value),
            "outputs" => self.outputs = paths(d, value),
            "join" => self.join = d.one_of(value, &JOINS),
            _ => return false,
        }
        true
    }
}

/// Reads a list of paths, each in the form in which git writes it.
pub(super) fn paths(d: &mut Decoder, value: &Val<'_>) -> Option<Vec<Sp<String>>> {
    d.list(value, "a list of paths", Decoder::tracked)
}

/// Returns the texts, each once.
pub(super) fn plain(texts: impl IntoIterator<Item = Sp<String>>) -> Vec<String> {
    let mut seen = std::collections::HashSet::new();
    let texts = texts.into_iter().map(|t| t.v);
    texts.filter(|t| seen.insert(t.clone())).collect()
}

fn scope(d: &mut Decoder, value: &Val<'_>) -> Option<Sp<Scope>> {
    const WHAT: &str = "a list of paths such as [\"src/api/**\"], or { write = […], read = […] }";
    let mut scope = Scope::default();
    if let DeValue::Table(table) = value.get_ref() {
        for (key, value) in table {
            match key.get_ref().as_ref() {
                "write" => scope.write = globs(d, value, "a list of paths").unwrap_or_default(),
                "read" => scope.read = globs(d, value, "a list of paths").unwrap_or_default(),
                _ => d.unknown_key(key, keys::SCOPE),
            }
        }
    } else {
        scope.write = globs(d, value, WHAT)?;
    }
    Some(Sp::new(at(value), scope))
}

fn globs(d: &mut Decoder, value: &Val<'_>, what: &str) -> Option<Vec<String>> {
    let globs = d.list(value, what, Decoder::tracked_glob).map(plain)?;
    if globs.len() > MOST_GLOBS {
        let text = format!(
            "a list of {} globs; at most {MOST_GLOBS} can be in one",
            globs.len()
        );
        d.sink.error(at(value), text);
    }
    Some(globs)
}

impl Decoder {
    /// Reads a path below the repository's root, in the form in which git writes it: without `./`,
    /// doubled and closing slashes.
    pub(super) fn tracked(&mut self, value: &Val<'_>) -> Option<Sp<String>> {
        let mut path = self.path(value)?;
        path.v = self.normal(&path)?;
        if path.v.is_empty() {
            self.sink
                .error(path.at, "the path names the repository itself")
                .help("name a file or folder in it");
            return None;
        }
        Some(path)
    }

    /// Reads a glob of such paths; `.` means all of them.
    pub(super) fn tracked_glob(&mut self, value: &Val<'_>) -> Option<Sp<String>> {
        let path = self.path(value)?;
        self.checked_glob(path)
    }

    /// Checks a glob of such paths.
    pub(super) fn checked_glob(&mut self, mut path: Sp<String>) -> Option<Sp<String>> {
        let folder = path.v.ends_with('/');
        path.v = self.normal(&path)?;
        if path.v.is_empty() {
            path.v.push_str("**");
        } else if folder {
            // Then it is no file.
            path.v.push('/');
        }
        let glob = globset::GlobBuilder::new(&path.v)
            .literal_separator(true)
            .backslash_escape(true)
            .empty_alternates(true)
            .build();
        if let Err(why) = glob {
            let text = format!("bad glob `{}`: {}", path.v, why.kind());
            self.sink.error(path.at, text);
            return None;
        }
        Some(path)
    }

    fn normal(&mut self, path: &Sp<String>) -> Option<String> {
        let parts = path.v.split('/').filter(|p| !p.is_empty() && *p != ".");
        if path.v.len() > LONGEST_PATH {
            let text = format!("the path is longer than {LONGEST_PATH} bytes");
            self.sink.error(path.at, text);
            return None;
        }
        if parts.clone().any(|p| p.eq_ignore_ascii_case(".git")) {
            self.sink
                .error(
                    path.at,
                    format!("path `{}` leads into git's own folder", path.v),
                )
                .help("paths are of files that can be committed");
            return None;
        }
        Some(parts.collect::<Vec<_>>().join("/"))
    }
}
