//! Scopes: the paths that an agent may write and those that it reads, as globs relative to the
//! repository. Pure.
//!
//! `*` and `?` stay within one part of a path, `**` crosses parts, `{a,b}` are choices (one may be
//! empty), `[a-z]` are classes. A glob whose last part is plain (`src/api`) is that file or that
//! folder with all below it; one that ends with `/` is the folder. There are no exclusions and
//! ignore files play no part. Paths are bytes. Must not read files.

mod automaton;
mod tokens;

use std::{ffi::OsStr, fmt, os::unix::ffi::OsStrExt, path::Path};

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use automaton::Automaton;

/// Globs that a list may hold; more is taken for a mistake.
const MOST_GLOBS: usize = 4096;

/// A glob that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("bad glob `{glob}`: {why}")]
pub struct BadGlob {
    /// As it was written.
    pub glob: String,
    /// What is wrong.
    pub why: String,
}

/// A list of globs.
#[derive(Clone, Default)]
pub struct Globs {
    texts: Vec<Box<str>>,
    set: GlobSet,
    automata: Vec<Automaton>,
}

impl fmt::Debug for Globs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Globs").field(&self.texts).finish()
    }
}

impl PartialEq for Globs {
    fn eq(&self, other: &Self) -> bool {
        self.texts == other.texts
    }
}

/// Two globs of two lists that some path can match both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overlap {
    /// Of the first list, as written.
    pub ours: Box<str>,
    /// Of the second list, as written.
    pub theirs: Box<str>,
    /// A path that matches both, with few and plain letters. None: the globs are too large to
    /// compare; they are taken to overlap.
    pub example: Option<String>,
}

impl Globs {
    /// Reads globs.
    ///
    /// # Errors
    /// For the first that cannot be read.
    pub fn new<S: AsRef<str>>(texts: &[S]) -> Result<Self, BadGlob> {
        if texts.len() > MOST_GLOBS {
            return Err(BadGlob {
                glob: format!("{} globs", texts.len()),
                why: format!("at most {MOST_GLOBS} can be in one list"),
            });
        }
        let mut globs = Self::default();
        let mut set = GlobSetBuilder::new();
        for text in texts {
            let text = text.as_ref();
            let bad = |why: String| BadGlob {
                glob: text.to_owned(),
                why,
            };
            let forms = forms(text);
            for form in &forms {
                let glob = GlobBuilder::new(form)
                    .literal_separator(true)
                    .backslash_escape(true)
                    .empty_alternates(true)
                    .build()
                    .map_err(|error| bad(error.kind().to_string()))?;
                set.add(glob);
            }
            let parsed: Option<Vec<_>> = forms.iter().map(|form| tokens::parse(form)).collect();
            let parsed = parsed.ok_or_else(|| bad("it cannot be read".to_owned()))?;
            globs.automata.push(Automaton::of(&parsed));
            globs.texts.push(text.into());
        }
        globs.set = set.build().map_err(|error| BadGlob {
            glob: error.glob().unwrap_or("all together").to_owned(),
            why: error.kind().to_string(),
        })?;
        Ok(globs)
    }

    /// Whether there is no glob; then no path is inside.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// The globs as they were written.
    #[must_use]
    pub fn texts(&self) -> &[Box<str>] {
        &self.texts
    }

    /// Whether a path (relative to the repository, bytes, without `./`) matches one of the globs.
    #[must_use]
    pub fn inside(&self, path: &[u8]) -> bool {
        self.set.is_match(Path::new(OsStr::from_bytes(path)))
    }

    /// The pairs of globs of two lists that some path can match both, in the lists' order.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> Vec<Overlap> {
        let mut all = Vec::new();
        for (ours, a) in self.texts.iter().zip(&self.automata) {
            for (theirs, b) in other.texts.iter().zip(&other.automata) {
                let example = match a.meets(b) {
                    automaton::Meeting::Never => continue,
                    automaton::Meeting::At(path) => {
                        Some(String::from_utf8_lossy(&path).into_owned())
                    }
                    automaton::Meeting::Unknown => None,
                };
                all.push(Overlap {
                    ours: ours.clone(),
                    theirs: theirs.clone(),
                    example,
                });
            }
        }
        all
    }
}

/// What a glob stands for: itself, and what is below it if it names a folder.
fn forms(text: &str) -> Vec<String> {
    let mut text = text;
    while let Some(rest) = text.strip_prefix("./") {
        text = rest;
    }
    if matches!(text, "." | "") {
        return vec!["**".to_owned()];
    }
    if let Some(folder) = text.strip_suffix('/') {
        return vec![format!("{}/**", folder.trim_end_matches('/'))];
    }
    // A choice may hold a `/`, so that the last part has no clear begin: look for plain ends alone.
    let last = text.rsplit('/').next().unwrap_or(text);
    let plain = !last.contains(['*', '?', '[', ']', '{', '}', '\\']);
    if plain {
        return vec![text.to_owned(), format!("{text}/**")];
    }
    vec![text.to_owned()]
}

/// What an agent may write and what it reads.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Scope {
    /// None: not stated, it may write anywhere.
    pub write: Option<Globs>,
    /// None: not stated.
    pub read: Option<Globs>,
}

impl Scope {
    /// Reads a scope; an empty list says nothing.
    ///
    /// # Errors
    /// For the first glob that cannot be read.
    pub fn new<S: AsRef<str>>(write: &[S], read: &[S]) -> Result<Self, BadGlob> {
        let some = |list: &[S]| -> Result<Option<Globs>, BadGlob> {
            let globs = Globs::new(list)?;
            Ok((!globs.is_empty()).then_some(globs))
        };
        Ok(Self {
            write: some(write)?,
            read: some(read)?,
        })
    }

    /// Whether an agent with this scope may write a path.
    #[must_use]
    pub fn may_write(&self, path: &[u8]) -> bool {
        self.write.as_ref().is_none_or(|globs| globs.inside(path))
    }

    /// Whether a path is among those that the agent reads or writes; where nothing is stated, none
    /// is known to be.
    #[must_use]
    pub fn reads(&self, path: &[u8]) -> bool {
        let inside = |globs: &Option<Globs>| globs.as_ref().is_some_and(|g| g.inside(path));
        inside(&self.read) || inside(&self.write)
    }

    /// Of changed paths those that the agent had no right to write, in their order.
    pub fn outside<'a, P: AsRef<[u8]> + ?Sized + 'a>(
        &self,
        changed: impl IntoIterator<Item = &'a P>,
    ) -> Vec<&'a P> {
        changed
            .into_iter()
            .filter(|path| !self.may_write((*path).as_ref()))
            .collect()
    }

    /// Where two agents may both write. Nothing when one of them states no scope: that they might
    /// meet anywhere says nothing.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> Vec<Overlap> {
        match (&self.write, &other.write) {
            (Some(a), Some(b)) => a.overlaps(b),
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests;
