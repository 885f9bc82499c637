//! Making a workspace that nobody has yet: by a checkout of git, or as a copy of a template.
//!
//! A template is what a workspace held before somebody got it, in one file, and its index. The copy
//! gets a `.git` of its own, and its index says what its files are, so git needs not run for it. Must
//! not give workspaces away.

use std::{
    fs, io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::atomic::Ordering,
};

use super::{
    clone::{MakeError, Unnamed, Workspaces, io_error},
    copy, guard, index, pack,
};
use crate::sys::remove;

/// What copies are made of; its files go with it.
#[derive(Debug)]
pub(super) struct Template {
    folder: PathBuf,
    /// The commit that it is of.
    pub commit: String,
    /// What is different from the user's own checkout, in sentences.
    notes: Vec<String>,
}

impl Template {
    fn pack(&self) -> PathBuf {
        self.folder.join("pack")
    }

    fn index(&self) -> PathBuf {
        self.folder.join("index")
    }
}

impl Drop for Template {
    fn drop(&mut self) {
        // What stays is found by its name when the run is pruned.
        let _ = remove::tree(&self.folder);
    }
}

impl Workspaces {
    /// A folder that nobody has; what stays of it is swept.
    fn spare_path(&self) -> PathBuf {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let process = std::process::id();
        self.folder.join(format!(".spare-{process}-{number}"))
    }

    /// Makes a workspace that has no name yet, from a template or by a checkout of a commit.
    pub(super) fn fresh(
        &self,
        commit: &str,
        template: Option<&Template>,
    ) -> Result<Unnamed, MakeError> {
        guard::room(&self.folder, self.floor)?;
        let mut made = Unnamed {
            path: self.spare_path(),
            commit: commit.to_owned(),
            notes: Vec::new(),
            known: true,
            ahead: false,
            owned: true,
        };
        let copied = template.map(|template| (template, self.copied(template, &made.path)));
        if let Some((template, Ok(known))) = copied {
            made.known = known;
            made.commit.clone_from(&template.commit);
            made.notes.clone_from(&template.notes);
        } else {
            remove::tree(&made.path).map_err(io_error("cannot remove", &made.path))?;
            self.checked_out(&mut made)?;
        }
        Ok(made)
    }

    /// A copy of a template; whether its index says what its files are.
    fn copied(&self, template: &Template, to: &Path) -> io::Result<bool> {
        fs::DirBuilder::new().mode(0o700).create(to)?;
        let root = copy::open(to)?;
        pack::read_into(&template.pack(), &root)?;
        let dot = to.join(".git");
        self.skeleton(&dot)?;
        let (from, to) = (template.index(), dot.join("index"));
        index::settle(&root, &from, &to, self.repo.sha256, false)
    }

    /// A template of a workspace that nobody has got yet; none: it cannot be packed, as folders that
    /// lie very deep cannot, or there is no room for it.
    pub(super) fn template(&self, of: &Unnamed) -> Option<Template> {
        guard::room(&self.folder, self.floor).ok()?;
        let template = Template {
            folder: self.spare_path(),
            commit: of.commit.clone(),
            notes: of.notes.clone(),
        };
        let pack = || -> io::Result<()> {
            fs::DirBuilder::new().mode(0o700).create(&template.folder)?;
            pack::write(&copy::open(&of.path)?, &template.pack())?;
            fs::copy(of.path.join(".git/index"), template.index()).map(drop)
        };
        (of.known && pack().is_ok()).then_some(template)
    }
}
