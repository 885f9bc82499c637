//! Historical merges made again: what comes out is what git's own merge gives.
//!
//! `WAVEDECK_MERGE_REPO` names a repository with at least 100 merges (its `.git`, or its root);
//! without it a small history is made. `WAVEDECK_MERGE_MOST` says how many are tried (300) or made (24).

use std::{fmt::Write as _, path::PathBuf};

use crate::workspace::merge::Tried;

use super::rig::{File, Rig, git};

/// A small stream of numbers (splitmix64), the same everywhere.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % n as u64).unwrap()
    }
}

type Tree = Vec<(String, String)>;

fn edited(tree: &Tree, random: &mut Numbers) -> Tree {
    let mut tree = tree.clone();
    for _ in 0..=random.below(3) {
        let at = random.below(tree.len());
        match random.below(8) {
            0 if tree.len() > 3 => drop(tree.remove(at)),
            1 => {
                let name = format!("d{}/moved-{}", random.below(3), random.below(40));
                tree[at].0 = name;
            }
            2 => {
                let name = format!("d{}/f{}", random.below(3), random.below(12));
                tree.push((name, format!("new {}\n", random.below(5)).repeat(4)));
            }
            _ => {
                let mut lines: Vec<String> = tree[at].1.lines().map(str::to_owned).collect();
                let line = random.below(lines.len().max(1));
                let text = format!("changed {}", random.below(9));
                match lines.get_mut(line) {
                    Some(old) => *old = text,
                    None => lines.push(text),
                }
                tree[at].1 = lines.join("\n") + "\n";
            }
        }
    }
    tree.sort();
    tree.dedup_by(|a, b| a.0 == b.0);
    tree
}

/// A history with this many merges of two to four lines of work; whoever merged took one side.
fn history(rig: &Rig, merges: usize) {
    let mut random = Numbers(7);
    let commit = |parents: &[&str], tree: &Tree| {
        let files: Vec<File<'_>> = tree
            .iter()
            .map(|(path, text)| (path.as_bytes(), "100644", text.as_bytes()))
            .collect();
        rig.commit(parents, &files)
    };
    let mut tree: Tree = Vec::new();
    for n in 0..8 {
        let mut text = String::new();
        for line in 0..30 {
            let _ = writeln!(text, "file {n} line {line}");
        }
        tree.push((format!("d{}/f{n}", n % 3), text));
    }
    tree.sort();
    let mut tips = vec![(commit(&[], &tree), tree)];
    for _ in 0..merges {
        let (base, tree) = tips[tips.len() - 1].clone();
        let (ours, theirs) = (edited(&tree, &mut random), edited(&tree, &mut random));
        let a = commit(&[&base], &ours);
        // Sometimes the other line of work began earlier.
        let (older, _) = tips[tips
            .len()
            .saturating_sub(1 + random.below(3))
            .min(tips.len() - 1)]
        .clone();
        let b = commit(&[&older], &theirs);
        let merged = commit(&[&a, &b], &ours);
        tips.push((merged, ours));
    }
    let last = tips[tips.len() - 1].0.clone();
    rig.line(&["update-ref", "refs/heads/main", &last]);
}

#[test]
fn merges_of_a_history_come_out_as_gits() {
    let named = std::env::var_os("WAVEDECK_MERGE_REPO").map(PathBuf::from);
    let most: usize = std::env::var("WAVEDECK_MERGE_MOST")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(if named.is_some() { 300 } else { 24 });
    let rig = if let Some(root) = &named {
        let inner = root.join(".git");
        Rig::over(if inner.is_dir() { inner } else { root.clone() })
    } else {
        let rig = Rig::new();
        history(&rig, most);
        rig
    };
    let git = git(rig.store.git_dir());
    let out = git
        .run(&[
            "rev-list",
            "--all",
            "--min-parents=2",
            "--max-parents=2",
            "--parents",
        ])
        .unwrap();
    let out = String::from_utf8(out).unwrap();
    let (mut all, mut clean, mut conflicts, mut files, mut hunks) = (0, 0, 0, 0, 0);
    for line in out.lines().take(most) {
        let mut words = line.split(' ').skip(1);
        let (onto, theirs) = (words.next().unwrap(), words.next().unwrap());
        if git.output(&["merge-base", onto, theirs], &[]).unwrap().code != Some(0) {
            continue;
        }
        all += 1;
        match rig.same_as_git(onto, theirs) {
            Tried::Conflict { doc, .. } => {
                conflicts += 1;
                files += doc.files.len();
                hunks += doc.files.iter().map(|f| f.hunks().count()).sum::<usize>();
            }
            _ => clean += 1,
        }
    }
    println!("{all} merges: {clean} clean, {conflicts} conflicts, {files} files, {hunks} hunks");
    match named {
        Some(_) => assert!(all >= most.min(100), "only {all} merges"),
        None => assert!(
            all == most && clean > 0 && conflicts > 0,
            "{clean} {conflicts}"
        ),
    }
}
