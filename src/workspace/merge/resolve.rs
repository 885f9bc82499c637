//! From an answered conflict to a tree.

use std::{
    ffi::OsStr,
    io::Read as _,
    os::unix::{ffi::OsStrExt as _, fs::MetadataExt as _},
    path::Path,
};

use rustix::fs::{Mode, OFlags, ResolveFlags};

use crate::conflict::{Choices, Command, ConflictDoc, Content, Entry, RepoPath, Whole, compose};

use super::{
    MergeError, read,
    store::{Store, object, printed},
};

/// Bytes of a file that a rule's command may leave.
const MOST_RESULT: u64 = 256 << 20;

/// Writes the tree of a conflict's answers; the document must be that of the present head, else its
/// answers are [carried](crate::conflict::carried) to a new one first.
///
/// # Errors
/// What is not answered; a name for a second version that is taken.
pub fn resolve(store: &Store, doc: &ConflictDoc, choices: &Choices) -> Result<String, MergeError> {
    let contents = compose(doc, choices)?;
    let scratch = store.scratch()?;
    let git = store.git(&scratch)?;
    git.run(&["read-tree", object(&doc.tree)?])?;
    let known = |path: &RepoPath| {
        doc.files
            .iter()
            .any(|f| f.parts.iter().any(|p| p.path == *path))
    };
    // Texts become objects in one go.
    let mut list = Vec::new();
    for (i, (path, content)) in contents.iter().enumerate() {
        if !known(path) && in_index(&git, path)? {
            return Err(MergeError::Refused(format!(
                "`{}` exists already, so a second version cannot be kept there",
                path.shown(200)
            )));
        }
        if let Content::Text { text, .. } = content {
            let file = scratch.file(&format!("text-{i}"), text.as_bytes())?;
            list.extend_from_slice(file.as_os_str().as_bytes());
            list.push(b'\n');
        }
    }
    let args = ["hash-object", "-w", "--no-filters", "--stdin-paths"];
    let made = if list.is_empty() {
        Vec::new()
    } else {
        git.feed(&args, &list)?
    };
    let mut made = made.split(|&b| b == b'\n');
    let mut edits = Vec::new();
    for (path, content) in &contents {
        let (mode, oid) = match content {
            Content::Deleted => (0, "0".repeat(doc.tree.len())),
            Content::Object(entry) => (entry.mode, object(&entry.oid)?.to_owned()),
            Content::Text { mode, .. } => {
                let oid = made.next().ok_or(MergeError::Unexpected("hash-object"))?;
                (*mode, printed(oid, "hash-object")?)
            }
        };
        edits.extend_from_slice(format!("{mode:o} {oid}\t").as_bytes());
        edits.extend_from_slice(path.as_bytes());
        edits.push(0);
    }
    if !edits.is_empty() {
        git.feed(&["update-index", "-z", "--index-info"], &edits)?;
    }
    printed(&git.line(&["write-tree"])?, "write-tree")
}

fn in_index(git: &super::super::git::Git, path: &RepoPath) -> Result<bool, MergeError> {
    let git = git.clone().env("GIT_LITERAL_PATHSPECS", "1");
    let args = [
        OsStr::new("ls-files"),
        OsStr::new("-z"),
        OsStr::new("--"),
        OsStr::from_bytes(path.as_bytes()),
    ];
    Ok(!git.run(&args)?.is_empty())
}

/// The tree that rules' commands run in: all answers are in it, and the files that the commands make
/// stand as *ours*.
///
/// # Errors
/// What no answer and no command settles: commands come last, since a file with markers beside them
/// would make them fail or lie.
pub fn commands_tree(
    store: &Store,
    doc: &ConflictDoc,
    choices: &Choices,
    commands: &[Command],
) -> Result<String, MergeError> {
    let mut all = choices.clone();
    for command in commands {
        all.whole(command.path.clone(), Whole::Ours);
    }
    resolve(store, doc, &all)
}

/// A file that a rule's command left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// Its mode and object.
    pub entry: Entry,
    /// It has lines that look like markers of a conflict: where one begins, and after it where one ends.
    pub marked: bool,
}

/// Takes the file that a rule's command left below `root`, for a [`Whole::Result`]; none: there is no
/// file.
///
/// # Errors
/// It is a link, lies behind one, is no plain file or too large: such a result is not believed.
pub fn entry_at(store: &Store, root: &Path, path: &RepoPath) -> Result<Option<Left>, MergeError> {
    let refused = |why: &str| {
        let path = path.shown(200);
        Err(MergeError::Refused(format!("`{path}` {why}")))
    };
    let failed = |error: std::io::Error| MergeError::Scratch {
        folder: root.display().to_string(),
        error,
    };
    let dir = rustix::fs::open(root, OFlags::PATH | OFlags::CLOEXEC, Mode::empty());
    let dir = dir.map_err(|e| failed(e.into()))?;
    let opened = rustix::fs::openat2(
        dir,
        path.as_bytes(),
        OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC,
        Mode::empty(),
        ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS,
    );
    let file = match opened {
        Ok(fd) => std::fs::File::from(fd),
        Err(rustix::io::Errno::NOENT) => return Ok(None),
        Err(rustix::io::Errno::LOOP | rustix::io::Errno::XDEV) => {
            return refused("is a link, or lies behind one");
        }
        Err(error) => return Err(failed(error.into())),
    };
    let meta = file.metadata().map_err(failed)?;
    if !meta.is_file() || meta.len() > MOST_RESULT {
        return refused("is no plain file, or too large");
    }
    let mut bytes = Vec::new();
    file.take(MOST_RESULT)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    let scratch = store.scratch()?;
    let git = store.git(&scratch)?;
    let copy = scratch.file("result", &bytes)?;
    let args: [&OsStr; 5] = [
        "hash-object".as_ref(),
        "-w".as_ref(),
        "--no-filters".as_ref(),
        "--".as_ref(),
        copy.as_os_str(),
    ];
    let oid = printed(&git.line(&args)?, "hash-object")?;
    let mode = if meta.mode() & 0o100 == 0 {
        0o100_644
    } else {
        0o100_755
    };
    Ok(Some(Left {
        entry: Entry { mode, oid },
        marked: marked(&bytes),
    }))
}

/// Whether a text has what git puts around a conflict.
fn marked(text: &[u8]) -> bool {
    let mut lines = text.split(|&b| b == b'\n');
    let begins = |line: &[u8]| line.starts_with(b"<<<<<<< ");
    lines.any(begins) && lines.any(|line| line.starts_with(b">>>>>>> "))
}

/// Which of some paths a commit or tree has; folders count.
pub fn entries_in(store: &Store, commit: &str, paths: &[&str]) -> Result<Vec<bool>, MergeError> {
    if paths.is_empty() {
        return Ok(Vec::new());
    }
    let scratch = store.scratch()?;
    let git = store.git(&scratch)?.env("GIT_LITERAL_PATHSPECS", "1");
    // Without -t a folder is not told beside a file in it.
    let mut args = vec!["ls-tree", "-z", "-t", "--full-tree", object(commit)?, "--"];
    args.extend(paths);
    let found = read::ls_tree(&git.run(&args)?)?;
    let has = |path: &&str| found.iter().any(|(p, _)| p.as_bytes() == path.as_bytes());
    Ok(paths.iter().map(has).collect())
}

/// What a commit or tree has at a path.
#[cfg(test)]
pub(super) fn entry_in(
    store: &Store,
    commit: &str,
    path: &RepoPath,
) -> Result<Option<Entry>, MergeError> {
    let scratch = store.scratch()?;
    let git = store.git(&scratch)?.env("GIT_LITERAL_PATHSPECS", "1");
    let args = [
        OsStr::new("ls-tree"),
        OsStr::new("-z"),
        OsStr::new("--full-tree"),
        OsStr::new(object(commit)?),
        OsStr::new("--"),
        OsStr::from_bytes(path.as_bytes()),
    ];
    let found = read::ls_tree(&git.run(&args)?)?;
    Ok(found.into_iter().find(|(p, _)| p == path).map(|(_, e)| e))
}
