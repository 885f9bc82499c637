//! The diff of finished work, read into files and lines that know their numbers.
//!
//! Pure: what git printed in, clean lines out. What it cannot read it shows as it is.

use crate::display::clean_line;

/// Columns of a line.
const LINE: usize = 400;

/// What a line of a diff is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A file begins.
    File,
    /// Something is said about it.
    About,
    /// A stretch of it begins.
    Hunk,
    /// A line that both have.
    Same,
    /// A line that is new.
    Added,
    /// A line that is gone.
    Removed,
}

/// A line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatchLine {
    /// What it is.
    pub kind: Kind,
    /// Clean text, without its sign.
    pub text: String,
    /// Its number in the old text.
    pub old: Option<u32>,
    /// Its number in the new text.
    pub new: Option<u32>,
    /// Number of its file.
    pub file: usize,
}

/// A file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatchFile {
    /// Its path as git has it, clean.
    pub path: String,
    /// Lines that are new.
    pub added: u32,
    /// Lines that are gone.
    pub removed: u32,
    /// Stretches.
    pub hunks: u32,
    /// Number of its first line.
    pub at: usize,
}

/// A diff.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Patch {
    /// All lines.
    pub lines: Vec<PatchLine>,
    /// All files.
    pub files: Vec<PatchFile>,
}

impl Patch {
    /// Reads what git printed.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        let mut out = Self::default();
        // Lines that are left in the present stretch, old and new.
        let (mut old, mut new) = ((0_u32, 0_u32), (0_u32, 0_u32));
        let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        for line in bytes.split(|&b| b == b'\n') {
            let inside = old.1 > 0 || new.1 > 0;
            match line.first() {
                Some(b'+') if inside => {
                    out.put(Kind::Added, &line[1..], None, Some(new.0));
                    new = (new.0 + 1, new.1.saturating_sub(1));
                }
                Some(b'-') if inside => {
                    out.put(Kind::Removed, &line[1..], Some(old.0), None);
                    old = (old.0 + 1, old.1.saturating_sub(1));
                }
                Some(b' ') if inside => {
                    out.put(Kind::Same, &line[1..], Some(old.0), Some(new.0));
                    old = (old.0 + 1, old.1.saturating_sub(1));
                    new = (new.0 + 1, new.1.saturating_sub(1));
                }
                _ => {
                    if line.starts_with(b"diff --git ") {
                        (old, new) = <_>::default();
                        out.file(line);
                    } else if let Some((a, b)) = stretch(line) {
                        (old, new) = (a, b);
                        if let Some(file) = out.files.last_mut() {
                            file.hunks += 1;
                        }
                        out.put(Kind::Hunk, line, None, None);
                    } else {
                        out.about(line);
                    }
                }
            }
        }
        out
    }

    fn put(&mut self, kind: Kind, text: &[u8], old: Option<u32>, new: Option<u32>) {
        let mut wide = Vec::with_capacity(text.len() + 16);
        for &byte in text {
            match byte {
                b'\t' => wide.extend_from_slice(b"    "),
                _ => wide.push(byte),
            }
        }
        if let Some(file) = self.files.last_mut() {
            file.added += u32::from(kind == Kind::Added);
            file.removed += u32::from(kind == Kind::Removed);
        }
        self.lines.push(PatchLine {
            kind,
            text: clean_line(wide, LINE),
            old,
            new,
            file: self.files.len().saturating_sub(1),
        });
    }

    fn file(&mut self, line: &[u8]) {
        // `a/x b/x`: where both names are alike, the second half is the name; else later lines say it.
        let names = &line["diff --git ".len()..];
        let half = names.get(names.len() / 2 + 1..).unwrap_or(names);
        self.files.push(PatchFile {
            path: name(half),
            added: 0,
            removed: 0,
            hunks: 0,
            at: self.lines.len(),
        });
        self.put(Kind::File, half, None, None);
        self.rename(&name(half));
    }

    /// The present file is called so.
    fn rename(&mut self, path: &str) {
        if let Some(file) = self.files.last_mut() {
            path.clone_into(&mut file.path);
            if let Some(line) = self.lines.get_mut(file.at) {
                path.clone_into(&mut line.text);
            }
        }
    }

    /// What is said about a file before its first stretch.
    fn about(&mut self, line: &[u8]) {
        if let Some(path) = line.strip_prefix(b"+++ ").filter(|p| *p != b"/dev/null") {
            return self.rename(&name(path));
        }
        if let Some(path) = line.strip_prefix(b"rename to ") {
            self.rename(&name(path));
        }
        let dull = [&b"index "[..], b"--- ", b"+++ "];
        if !line.is_empty() && !dull.iter().any(|dull| line.starts_with(dull)) {
            self.put(Kind::About, line, None, None);
        }
    }

    /// Number of the file that a line belongs to.
    #[must_use]
    pub fn file_at(&self, line: usize) -> Option<usize> {
        let file = self.lines.get(line)?.file;
        (file < self.files.len()).then_some(file)
    }
}

/// A name without git's prefix.
fn name(bytes: &[u8]) -> String {
    let bytes = bytes.strip_suffix(b"\t").unwrap_or(bytes);
    let quoted = bytes
        .strip_prefix(b"\"")
        .and_then(|b| b.strip_suffix(b"\""));
    let bytes = quoted.unwrap_or(bytes);
    let bare = [&b"a/"[..], b"b/"]
        .iter()
        .find_map(|p| bytes.strip_prefix(*p));
    clean_line(bare.unwrap_or(bytes), LINE)
}

/// First line and number of lines, old and new, of `@@ -1,2 +3,4 @@`.
fn stretch(line: &[u8]) -> Option<((u32, u32), (u32, u32))> {
    let rest =
        std::str::from_utf8(line.strip_prefix(b"@@ -")?.split(|b| *b == b'@').next()?).ok()?;
    let (old, new) = rest.trim_end().split_once(" +")?;
    let pair = |text: &str| -> Option<(u32, u32)> {
        match text.split_once(',') {
            Some((at, count)) => Some((at.parse().ok()?, count.parse().ok()?)),
            None => Some((text.parse().ok()?, 1)),
        }
    };
    Some((pair(old)?, pair(new)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIFF: &str = "diff --git a/src/a.rs b/src/a.rs\nindex 1..2 100644\n--- a/src/a.rs\n+++ \
        b/src/a.rs\n@@ -1,3 +1,4 @@ fn x\n one\n-two\n+\x1b[31mTWO\x1b[0m\n+2\n three\n@@ -9 +10 @@\n\
        --- gone\n+++ come\n\\ No newline at end of file\ndiff --git a/b b b/b b\ndeleted file mode 100644\n\
        --- a/b b\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\ndiff --git a/o b/new\nsimilarity index 100%\n\
        rename from o\nrename to new\n";

    #[test]
    fn lines_know_their_numbers_and_files() {
        let patch = Patch::new(DIFF.as_bytes());
        let files: Vec<(&str, u32, u32, u32)> = (patch.files.iter())
            .map(|f| (f.path.as_str(), f.added, f.removed, f.hunks))
            .collect();
        assert_eq!(
            files,
            [("src/a.rs", 3, 2, 2), ("b b", 0, 1, 1), ("new", 0, 0, 0)]
        );
        let of = |text: &str| patch.lines.iter().find(|l| l.text == text).unwrap();
        assert_eq!((of("TWO").old, of("TWO").new), (None, Some(2)));
        assert_eq!((of("three").old, of("three").new), (Some(3), Some(4)));
        // What looks like a file's name within a stretch is a line of it.
        assert_eq!(
            (of("-- gone").kind, of("-- gone").old),
            (Kind::Removed, Some(9))
        );
        assert_eq!(
            (of("++ come").kind, of("++ come").new),
            (Kind::Added, Some(10))
        );
        assert_eq!(of("x").file, 1);
    }

    #[test]
    fn nonsense_is_shown_as_it_is() {
        for text in [
            "",
            "@@ -x +y @@",
            "diff --git ",
            "@@ -1,9 +1,9 @@\n+a",
            "+++ b/x\n+y",
        ] {
            let patch = Patch::new(text.as_bytes());
            assert!(patch.files.len() <= 1, "{text}");
        }
    }
}
