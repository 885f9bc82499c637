//! Commits that an attempt left beside its result: on other branches, or put aside. They are named,
//! so that its workspace, the only place where they are, is not removed.

use std::collections::HashSet;

use super::{collect::LeftOut, git::Git, left::Left};

/// Branches that are named.
const MOST: usize = 100;

/// The branches whose commits neither the result nor the base has. What git cannot tell is taken for
/// one.
pub(super) fn left_out(git: &Git, left: &Left, result: &str, base: &str) -> Vec<LeftOut> {
    if !left.own_git {
        return Vec::new();
    }
    let (mut tips, all) = left.tips();
    tips.retain(|_, tip| tip != result && tip != base);
    if let Some(beyond) = beyond(git, tips.values(), result, base) {
        tips.retain(|_, tip| beyond.contains(tip.as_bytes()));
    }
    let name = |name: &[u8]| [b".git/", name].concat();
    let more = !all || tips.len() > MOST;
    let mut out: Vec<LeftOut> = tips
        .into_keys()
        .take(MOST)
        .map(|tip| LeftOut {
            why: if tip == b"refs/stash" {
                "is work put aside with `git stash`, which is not in its result"
            } else {
                "is a branch with commits that are not in its result"
            }
            .to_owned(),
            path: name(&tip),
        })
        .collect();
    if more {
        out.push(LeftOut {
            path: name(b"refs/heads"),
            why: "has more branches than are looked at".to_owned(),
        });
    }
    out
}

/// The commits that some tips have and the result and base have not; none: git cannot tell.
fn beyond<'a>(
    git: &Git,
    tips: impl Iterator<Item = &'a String>,
    result: &str,
    base: &str,
) -> Option<HashSet<Vec<u8>>> {
    let mut input = Vec::new();
    for tip in tips {
        input.extend([tip.as_bytes(), b"\n"].concat());
    }
    if input.is_empty() {
        return Some(HashSet::new());
    }
    input.extend(format!("^{result}\n^{base}\n").bytes());
    // What is not there is nobody's work any more.
    let args = ["rev-list", "--ignore-missing", "--stdin"];
    let out = git.feed(&args, &input).ok()?;
    let lines = out.split(|&b| b == b'\n').filter(|line| !line.is_empty());
    Some(lines.map(<[u8]>::to_vec).collect())
}
