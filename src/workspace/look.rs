//! What a workspace has changed while its agent works, as git prints it.
//!
//! Its agent may write anything into it meanwhile: no program that its configuration, its attributes or a
//! repository within name is started. Must not change anything in it.

use std::path::{Path, PathBuf};

use super::{clone::MakeError, desk::Desk, extra, repo::Repository};

/// A look at a workspace.
#[derive(Debug, Clone, Copy)]
pub struct Look<'a> {
    /// Its folder.
    pub workspace: &'a Path,
    /// The commit that it began with.
    pub base: &'a str,
    /// What the plan brought along, below the workspace: no work of the agent's.
    pub brought: &'a [String],
    /// `--patch-with-stat`, `--name-only`: how it is printed.
    pub form: &'a str,
    /// Bytes that are read; more is an error.
    pub most: usize,
}

/// Compares the files of a workspace, new ones with them, with the commit that it began with. `scratch`
/// is a folder that is made and removed.
///
/// # Errors
/// Git cannot, or there is more than is read.
pub fn look(repo: &Repository, scratch: PathBuf, of: &Look<'_>) -> Result<Vec<u8>, MakeError> {
    let mut excluded = extra::users(repo);
    excluded.extend(extra::patterns(of.brought.iter().map(Path::new)));
    let desk = Desk::new(scratch, repo, &excluded, None)?;
    let git = desk.git(of.workspace).most(of.most);
    git.run(&["read-tree", of.base])?;
    desk.hide_sparse(repo, of.workspace)?;
    let new = git.run(&["ls-files", "-z", "--others", "--exclude-standard"])?;
    // A repository within is none of ours, and one without a commit could not be named.
    let files = new
        .split(|&b| b == 0)
        .filter(|path| !path.is_empty() && !path.ends_with(b"/"));
    let files: Vec<u8> = files.flat_map(|path| [path, b"\0"].concat()).collect();
    if !files.is_empty() {
        let add = [
            "--literal-pathspecs",
            "add",
            "--intent-to-add",
            "--ignore-errors",
            "--pathspec-from-file=-",
            "--pathspec-file-nul",
        ];
        // A file that has gone meanwhile is none.
        git.output(&add, &files)?;
    }
    let diff = [
        "diff",
        "--no-color",
        "--no-ext-diff",
        "--no-textconv",
        // In repositories within git would start itself, with the configuration that it finds there.
        "--ignore-submodules=dirty",
        of.form,
        "--end-of-options",
        of.base,
        "--",
    ];
    Ok(git.run(&diff)?)
}
