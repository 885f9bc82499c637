//! Git's own files as wavedeck writes them: a repository without a commit, its configuration, and the
//! list of object folders to borrow from.

use std::{
    fs,
    io::{self, Write},
    os::unix::{ffi::OsStrExt, fs::DirBuilderExt},
    path::Path,
};

use super::repo::Repository;

/// Makes a repository of ours that has nothing yet: the folders that git asks for, `HEAD` (a line),
/// configuration, and the object folders that it borrows from.
pub(super) fn skeleton(dot: &Path, head: &str, config: &[u8], borrow: &[&Path]) -> io::Result<()> {
    for folder in [
        "objects/info",
        "objects/pack",
        "refs/heads",
        "refs/tags",
        "info",
    ] {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(dot.join(folder))?;
    }
    fs::write(dot.join("HEAD"), format!("{head}\n"))?;
    fs::write(dot.join("config"), config)?;
    if borrow.is_empty() {
        return Ok(());
    }
    fs::write(dot.join("objects/info/alternates"), alternates(borrow))
}

/// The configuration of a repository that nobody works in: its format, and these settings of `core`.
pub(super) fn bare_config(sha256: bool, settings: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut out = b"[core]\n\tbare = false\n".to_vec();
    out.extend(core(settings));
    out.extend(if sha256 {
        &b"\trepositoryformatversion = 1\n[extensions]\n\tobjectFormat = sha256\n"[..]
    } else {
        b"\trepositoryformatversion = 0\n"
    });
    out
}

/// The file that names object folders to borrow from.
fn alternates(folders: &[&Path]) -> Vec<u8> {
    let mut lines = Vec::new();
    for folder in folders {
        let bytes = folder.as_os_str().as_bytes();
        if bytes.contains(&b'\n') {
            lines.extend(quoted(bytes));
        } else {
            lines.extend(bytes);
        }
        lines.push(b'\n');
    }
    lines
}

/// A value in quotes, for git's own files.
pub(super) fn quoted(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![b'"'];
    for &byte in bytes {
        match byte {
            b'"' | b'\\' => out.extend([b'\\', byte]),
            b'\n' => out.extend(b"\\n"),
            byte => out.push(byte),
        }
    }
    out.push(b'"');
    out
}

/// Settings of `core` as lines below its heading.
fn core(settings: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, value) in settings {
        let name = name.trim_start_matches("core.");
        out.extend(format!("\t{name} = ").bytes());
        out.extend(quoted(value));
        out.push(b'\n');
    }
    out
}

/// The configuration of a workspace; also of the folder in which its result is collected.
pub(super) fn config(repo: &Repository) -> Vec<u8> {
    let mut out = Vec::new();
    let version = u8::from(repo.sha256);
    let _ = write!(
        out,
        "[core]\n\trepositoryformatversion = {version}\n\tbare = false\n\tlogallrefupdates = true\n\
         \thooksPath = /dev/null\n\tfsmonitor = false\n"
    );
    out.extend(core(&repo.settings));
    if let Some(sparse) = &repo.sparse {
        let _ = write!(
            out,
            "\tsparseCheckout = true\n\tsparseCheckoutCone = {}\n",
            sparse.cone
        );
    }
    if repo.sha256 {
        out.extend(b"[extensions]\n\tobjectFormat = sha256\n");
    }
    out.extend(b"[user]\n\tname = ");
    out.extend(quoted(&repo.user.name));
    out.extend(b"\n\temail = ");
    out.extend(quoted(&repo.user.email));
    out.extend(
        b"\n[commit]\n\tgpgSign = false\n[tag]\n\tgpgSign = false\n[gc]\n\tauto = 0\n\
          [maintenance]\n\tauto = false\n",
    );
    out
}
