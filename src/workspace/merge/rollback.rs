//! Checkpoints of the integration head, and the way back to one.
//!
//! Nothing is lost by going back: what came later stays under `…/rolled-back/<number>/`.

use super::{
    super::git::Git,
    MergeError,
    refs::{Advanced, Edit, at, below, edit, integration, set},
    store::{Store, object, printed},
};

/// Marks a commit as a run's checkpoint `n`; `before`: where it was when its wave was complete the
/// time before, which a way back left in the head.
///
/// # Errors
/// The checkpoint is another commit already.
pub fn checkpoint(
    store: &Store,
    run: &str,
    n: u32,
    commit: &str,
    before: Option<&str>,
) -> Result<Advanced, MergeError> {
    let name = below(run, &["checkpoint", &n.to_string()])?;
    let scratch = store.scratch()?;
    set(&store.git(&scratch)?, &name, before, object(commit)?)
}

/// What a way back did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RolledBack {
    /// The integration head now.
    pub commit: String,
    /// Where it was before; kept.
    pub from: String,
    /// The ref that keeps it.
    pub kept: String,
}

/// Moves a run's integration head back to checkpoint `n`. The head that was, and the checkpoints
/// after `n`, are kept under `…/rolled-back/<number>/`; `number` counts the run's ways back, and the
/// same number after a crash goes on where it stopped.
///
/// # Errors
/// There is no such checkpoint or no head; the head has moved meanwhile.
pub fn rollback(store: &Store, run: &str, n: u32, number: u32) -> Result<RolledBack, MergeError> {
    let scratch = store.scratch()?;
    let git = store.git(&scratch)?;
    let none = |what: &str| MergeError::Refused(format!("there is no {what} to go back to"));
    let target = at(&git, &below(run, &["checkpoint", &n.to_string()])?)?
        .ok_or_else(|| none(&format!("checkpoint {n}")))?;
    let head = integration(run)?;
    let number = number.to_string();
    let kept = below(run, &["rolled-back", &number, "integration"])?;
    // First what keeps, then what moves, then what goes: a crash between them loses nothing.
    let later = later(&git, run, n)?;
    let from = match at(&git, &kept)? {
        Some(from) => from,
        None => at(&git, &head)?.ok_or_else(|| none("integrated work"))?,
    };
    let mut keep = Vec::new();
    for (m, commit) in &later {
        let name = below(run, &["rolled-back", &number, "checkpoint", &m.to_string()])?;
        keep.push((name, commit.clone()));
    }
    keep.push((kept.clone(), from.clone()));
    for (name, commit) in &keep {
        set(&git, name, None, commit)?;
    }
    set(&git, &head, Some(&from), &target)?;
    let mut gone = Vec::new();
    for (m, commit) in &later {
        gone.push((below(run, &["checkpoint", &m.to_string()])?, commit.clone()));
    }
    let edits: Vec<Edit<'_>> = gone.iter().map(|(n, c)| Edit::Delete(n, c)).collect();
    edit(&git, &edits)?;
    Ok(RolledBack {
        commit: target,
        from,
        kept,
    })
}

/// The checkpoints after `n`.
fn later(git: &Git, run: &str, n: u32) -> Result<Vec<(u32, String)>, MergeError> {
    let folder = below(run, &["checkpoint"])?;
    let args = [
        "for-each-ref",
        "--format=%(objectname) %(refname:lstrip=-1)",
        &folder,
    ];
    let mut all = Vec::new();
    for line in git.run(&args)?.split(|&b| b == b'\n') {
        let Some(space) = line.iter().position(|&b| b == b' ') else {
            continue;
        };
        let commit = printed(&line[..space], "for-each-ref")?;
        let number = std::str::from_utf8(&line[space + 1..]);
        if let Some(m) = number.ok().and_then(|t| t.parse::<u32>().ok())
            && m > n
        {
            all.push((m, commit));
        }
    }
    all.sort_unstable();
    Ok(all)
}
