//! Git's own files as wavedeck writes them: configuration, and the list of object folders to borrow
//! from.

use std::{io::Write, os::unix::ffi::OsStrExt, path::Path};

use super::repo::Repository;

/// The file that names object folders to borrow from.
pub(super) fn alternates(folders: &[&Path]) -> Vec<u8> {
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
pub(super) fn core(settings: &[(String, Vec<u8>)]) -> Vec<u8> {
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
