//! Agents that do strange things to their workspace.

use std::{ffi::OsStr, os::unix::ffi::OsStrExt};

use super::*;

#[test]
fn no_program_that_a_workspace_names_is_started_and_nothing_in_it_is_written() {
    let mut rig = Rig::new();
    rig.add(0);
    rig.add(1);
    let trap = rig.folder.path().join("trap");
    let touch = format!("touch '{}'", trap.display());
    for agent in 0..2 {
        for name in [
            "core.fsmonitor",
            "filter.evil.clean",
            "filter.evil.process",
            "merge.evil.driver",
            "diff.evil.textconv",
            "diff.external",
        ] {
            git(&rig.root(agent), &["config", name, &touch]);
        }
        write(
            rig.path(agent, ".gitattributes"),
            "* filter=evil merge=evil diff=evil\n",
        );
        for hook in ["post-index-change", "reference-transaction"] {
            let hook = rig.path(agent, &format!(".git/hooks/{hook}"));
            write(&hook, format!("#!/bin/sh\n{touch}\n"));
            fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
        }
    }
    let state = |rig: &Rig| -> Vec<(std::path::PathBuf, Vec<u8>)> {
        let mut all = Vec::new();
        let mut open = vec![rig.path(0, ".git")];
        while let Some(folder) = open.pop() {
            for entry in fs::read_dir(folder).unwrap().flatten() {
                if entry.file_type().unwrap().is_dir() {
                    open.push(entry.path());
                } else {
                    all.push((entry.path(), fs::read(entry.path()).unwrap()));
                }
            }
        }
        all.sort();
        all
    };
    let before = state(&rig);
    write(rig.path(0, "src/a.rs"), lines(&[(5, "mine")]));
    write(rig.path(1, "src/a.rs"), lines(&[(5, "theirs")]));
    assert!(rig.predicted().conflict);
    assert!(!trap.exists());
    assert!(before == state(&rig));
}

#[test]
fn strange_names_links_and_pipes_are_borne() {
    let mut rig = Rig::new();
    rig.add(0);
    rig.add(1);
    let odd: [&[u8]; 5] = [b"-rf", b":(glob)*", b"a\nb\"\x1b[2J", b"\xff\xfe", b" "];
    for agent in 0..2 {
        for name in odd {
            write(
                rig.root(agent).join(OsStr::from_bytes(name)),
                agent.to_string(),
            );
        }
        symlink(".", rig.path(agent, "loop")).unwrap();
        symlink("/", rig.path(agent, "out")).unwrap();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            rig.path(agent, "pipe"),
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
            0,
        )
        .unwrap();
        fs::create_dir(rig.path(agent, "closed")).unwrap();
        fs::set_permissions(rig.path(agent, "closed"), fs::Permissions::from_mode(0o000)).unwrap();
        // A repository within.
        git(&rig.root(agent), &["init", "-q", "inner"]);
        write(rig.path(agent, "inner/x"), "x");
    }
    let told = loop {
        let told = rig.predicted();
        if told.files.len() == odd.len() {
            break told;
        }
    };
    for name in odd {
        assert!(
            told.files.iter().any(|f| *f.path == *name),
            "{name:?}: {told:?}"
        );
    }
    // A folder that becomes a link to elsewhere: what was below it is deleted, nothing is read there.
    let elsewhere = rig.folder.path().join("elsewhere");
    write(elsewhere.join("a.rs"), "secret");
    fs::remove_dir_all(rig.path(0, "src")).unwrap();
    symlink(&elsewhere, rig.path(0, "src")).unwrap();
    write(rig.path(1, "src/a.rs"), lines(&[(5, "theirs")]));
    let told = loop {
        let told = rig.predicted();
        if told.files.iter().any(|f| *f.path == *b"src/a.rs") {
            break told;
        }
    };
    let of = |path: &[u8]| told.files.iter().find(|f| *f.path == *path).map(|f| f.kind);
    assert_eq!(of(b"src/a.rs"), Some(Kind::DeletedEdited));
    for agent in 0..2 {
        fs::set_permissions(rig.path(agent, "closed"), fs::Permissions::from_mode(0o755)).unwrap();
    }
}

#[test]
fn a_workspace_that_vanishes_is_told_and_the_others_go_on() {
    let mut rig = Rig::new();
    rig.add(0);
    rig.add(1);
    write(rig.path(0, "src/a.rs"), lines(&[(5, "mine")]));
    write(rig.path(1, "src/a.rs"), lines(&[(5, "theirs")]));
    rig.predicted();
    fs::remove_dir_all(rig.root(0)).unwrap();
    rig.until(|n| matches!(n, Notice::Withdrawn { .. }));
    let gone = |n: &Notice| matches!(n, Notice::Degraded { key: k, why } if *k == Some(key(0)) && why == "its folder is gone");
    if !rig.log.iter().any(gone) {
        rig.until(gone);
    }
    rig.settle(1, 1);
    // One that never was.
    rig.add_with(7, &[], &[]);
    let never = rig.until(|n| matches!(n, Notice::Degraded { key: k, .. } if *k == Some(key(7))));
    let Notice::Degraded { why, .. } = never else {
        unreachable!()
    };
    assert!(why.starts_with("its files are not watched: "), "{why}");
}

#[test]
fn a_flood_of_files_is_bounded_and_others_are_seen_meanwhile() {
    let mut rig = Rig::new();
    rig.add(0);
    rig.add(1);
    for n in 0..12_000 {
        let path = rig.path(0, &format!("packages/p{}/f{n}", n % 40));
        if n < 40 {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
        }
        fs::write(path, "").unwrap();
    }
    write(rig.path(1, "src/a.rs"), "x");
    rig.dirty(1, 1);
    let most = rig
        .log
        .iter()
        .any(|n| matches!(n, Notice::Dirty { more: true, .. }));
    if !most {
        rig.until(|n| matches!(n, Notice::Dirty { more: true, .. }));
    }
    let counts = rig.log.iter().filter_map(|n| match n {
        Notice::Dirty { count, .. } => Some(*count),
        _ => None,
    });
    assert_eq!(counts.max(), Some(10_000));
    // Both of them in a flooded folder.
    write(rig.path(1, "packages/p0/f0"), "theirs");
    write(rig.path(0, "packages/p0/f0"), "mine");
    let told = rig.predicted();
    assert_eq!(told.files[0].kind, Kind::AddedBoth);
    fs::remove_dir_all(rig.path(0, "packages")).unwrap();
    rig.until(|n| matches!(n, Notice::Withdrawn { .. }));
    rig.settle(0, 0);
}
