//! Makes the document of a conflict from what merge-tree printed: the sides' texts, the hunks, why
//! each file is in conflict.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    conflict::{
        ConflictDoc, ConflictFile, Entry, Kind, MOST_BYTES, MOST_FILE_BYTES, MOST_FILES, Part,
        Piece, RepoPath, Tails, VERSION, marker_size, pieces, whole_hunk,
    },
    display,
};

use super::{
    super::git::Git,
    MergeError,
    read::{Message, Printed},
    store::Scratch,
};

/// Columns of git's words about a file.
const SAID: usize = 300;

/// The document; who and which commits are filled in by the caller.
pub(super) fn gather(
    git: &Git,
    scratch: &Scratch,
    merged: Printed,
) -> Result<ConflictDoc, MergeError> {
    let mut parts: BTreeMap<RepoPath, Part> = BTreeMap::new();
    for (path, stage, entry) in merged.stages {
        let part = parts.entry(path.clone()).or_insert(Part {
            path,
            base: None,
            ours: None,
            theirs: None,
        });
        match stage {
            1 => part.base = Some(entry),
            2 => part.ours = Some(entry),
            _ => part.theirs = Some(entry),
        }
    }
    let groups = grouped(parts, &merged.messages);
    let omitted = groups.len().saturating_sub(MOST_FILES);
    let mut texts = Texts {
        git,
        scratch,
        room: MOST_BYTES,
    };
    let mut files = Vec::new();
    for group in groups.into_iter().take(MOST_FILES) {
        files.push(file(&mut texts, group, &merged.messages)?);
    }
    Ok(ConflictDoc {
        version: VERSION,
        id: String::new(),
        agent: String::new(),
        attempt: 0,
        onto: String::new(),
        theirs: String::new(),
        base: None,
        tree: merged.tree,
        files,
        omitted: u32::try_from(omitted).unwrap_or(u32::MAX),
    })
}

fn conflicts(message: &Message) -> bool {
    message.kind.starts_with(b"CONFLICT")
}

fn both_sides(part: &Part) -> bool {
    part.ours.is_some() && part.theirs.is_some()
}

/// Joins the paths that one conflict is about, such as the three of a file renamed in two ways. A
/// path where both sides have something is a conflict of its own.
fn grouped(parts: BTreeMap<RepoPath, Part>, messages: &[Message]) -> Vec<Vec<Part>> {
    // The first path of the group that each path belongs to.
    let mut first: BTreeMap<RepoPath, RepoPath> =
        parts.keys().map(|p| (p.clone(), p.clone())).collect();
    for message in messages.iter().filter(|m| conflicts(m)) {
        let joined: BTreeSet<RepoPath> = message
            .paths
            .iter()
            .filter(|p| parts.get(*p).is_some_and(|part| !both_sides(part)))
            .filter_map(|p| first.get(p).cloned())
            .collect();
        let Some(least) = joined.first().cloned() else {
            continue;
        };
        for group in first.values_mut().filter(|g| joined.contains(*g)) {
            *group = least.clone();
        }
    }
    let mut groups: BTreeMap<RepoPath, Vec<Part>> = BTreeMap::new();
    for (path, part) in parts {
        let group = first.remove(&path).unwrap_or(path);
        groups.entry(group).or_default().push(part);
    }
    groups.into_values().collect()
}

fn file(
    texts: &mut Texts<'_>,
    parts: Vec<Part>,
    messages: &[Message],
) -> Result<ConflictFile, MergeError> {
    let about: Vec<&Message> = messages
        .iter()
        .filter(|m| conflicts(m) && m.paths.iter().any(|p| parts.iter().any(|q| q.path == *p)))
        .collect();
    // The path that stands for a group is one that somebody has.
    let main = parts
        .iter()
        .find(|p| p.ours.is_some() || p.theirs.is_some())
        .or(parts.first())
        .cloned()
        .ok_or(MergeError::Unexpected("merge-tree"))?;
    let mut out = ConflictFile {
        path: main.path.clone(),
        kind: kind(&parts, &main, &about),
        mode: mode(&main),
        parts,
        pieces: Vec::new(),
        cut: false,
        rule: None,
        said: about
            .first()
            .map(|m| display::clean_line(&m.text, SAID))
            .unwrap_or_default(),
    };
    if matches!(out.kind, Kind::Content | Kind::BothAdded) {
        match texts.pieces(&main)? {
            Text::Pieces(pieces) => out.pieces = pieces,
            Text::Not => out.kind = Kind::Binary,
            Text::TooLarge => out.cut = true,
        }
    }
    Ok(out)
}

const LINK: u32 = 0o120_000;
const COMMIT: u32 = 0o160_000;

fn kind(parts: &[Part], main: &Part, about: &[&Message]) -> Kind {
    let entries = || {
        parts
            .iter()
            .flat_map(|p| [&p.base, &p.ours, &p.theirs])
            .flatten()
    };
    let said = |word: &[u8]| {
        let has = |kind: &[u8]| kind.windows(word.len()).any(|w| w == word);
        about.iter().any(|m| has(&m.kind))
    };
    if entries().any(|e| e.mode == COMMIT) {
        return Kind::Submodule;
    }
    if let (Some(ours), Some(theirs)) = (&main.ours, &main.theirs) {
        return if [ours, theirs].iter().any(|e| e.mode == LINK) {
            Kind::Other
        } else if ours.oid == theirs.oid {
            Kind::Mode
        } else if main.base.is_some() {
            Kind::Content
        } else {
            Kind::BothAdded
        };
    }
    if said(b"rename") || said(b"file location") {
        Kind::Renamed
    } else if said(b"file/directory") || said(b"distinct") || entries().any(|e| e.mode == LINK) {
        Kind::Other
    } else if main.ours.is_some() {
        Kind::DeletedThere
    } else {
        Kind::DeletedHere
    }
}

/// The mode of the merged text: of the side that changed it, the integrated one if both did.
fn mode(part: &Part) -> u32 {
    let of = |entry: &Option<Entry>| entry.as_ref().map(|e| e.mode);
    let (base, ours, theirs) = (of(&part.base), of(&part.ours), of(&part.theirs));
    let merged = if ours == base { theirs } else { ours };
    merged.or(ours).or(theirs).unwrap_or(0o100_644)
}

enum Text {
    Pieces(Vec<Piece>),
    /// Bytes that are no text.
    Not,
    TooLarge,
}

/// Reads texts, within what the document has room for.
struct Texts<'a> {
    git: &'a Git,
    scratch: &'a Scratch,
    room: usize,
}

impl Texts<'_> {
    fn pieces(&mut self, part: &Part) -> Result<Text, MergeError> {
        let most = MOST_FILE_BYTES.min(self.room);
        let mut sides = [const { String::new() }; 3];
        let mut size = 0;
        for (side, entry) in sides.iter_mut().zip([&part.base, &part.ours, &part.theirs]) {
            let Some(entry) = entry.as_ref().filter(|e| e.mode & 0o170_000 == 0o100_000) else {
                continue;
            };
            let git = self.git.clone().most(most);
            let got = git.output(&["cat-file", "blob", entry.oid.as_str()], &[])?;
            if got.cut {
                return Ok(Text::TooLarge);
            }
            if got.code != Some(0) {
                return Err(MergeError::NoObject(entry.oid.clone()));
            }
            size += got.out.len();
            match String::from_utf8(got.out) {
                Ok(text) if !text.contains('\0') => *side = text,
                _ => return Ok(Text::Not),
            }
        }
        if size > most {
            return Ok(Text::TooLarge);
        }
        let [base, ours, theirs] = [&sides[0], &sides[1], &sides[2]].map(String::as_str);
        let Some(markers) = marker_size([base, ours, theirs]) else {
            return Ok(Text::Not);
        };
        let tails = Tails { base, ours, theirs };
        let merged = self.merge_file(markers, tails)?;
        let found = merged.and_then(|text| pieces(&text, markers, tails));
        // The base of several ancestors can hold markers of git's own; then and where git sees a
        // conflict that the three texts alone do not show, the file is one hunk.
        let all = found
            .filter(|all| all.iter().any(|p| matches!(p, Piece::Hunk(_))))
            .unwrap_or_else(|| whole_hunk(tails));
        self.room -= size;
        Ok(Text::Pieces(all))
    }

    /// The three texts merged, with markers; none where git does not take them for text.
    fn merge_file(&self, markers: usize, sides: Tails<'_>) -> Result<Option<String>, MergeError> {
        let write = |name, text: &str| self.scratch.file(name, text.as_bytes());
        let files = [
            write("ours", sides.ours)?,
            write("base", sides.base)?,
            write("theirs", sides.theirs)?,
        ];
        let mut args: Vec<std::ffi::OsString> =
            ["merge-file", "-p", "--diff3"].map(Into::into).to_vec();
        args.push(format!("--marker-size={markers}").into());
        for label in ["ours", "base", "theirs"] {
            args.extend(["-L".into(), label.into()]);
        }
        args.extend(files.map(Into::into));
        let output = self.git.output(&args, &[])?;
        // The status counts the conflicts, 127 at most; 255 is a fault.
        if output.cut || !output.code.is_some_and(|code| (0..=127).contains(&code)) {
            return Ok(None);
        }
        Ok(String::from_utf8(output.out).ok())
    }
}
