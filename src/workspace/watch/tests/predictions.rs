//! Which pairs are predicted, how, and when that ends.

use super::*;

fn files(predicted: &Predicted) -> Vec<(String, Kind)> {
    let text = |path: &[u8]| String::from_utf8_lossy(path).into_owned();
    let files = predicted.files.iter();
    files.map(|f| (text(&f.path), f.kind)).collect()
}

fn file(path: &str, kind: Kind) -> (String, Kind) {
    (path.to_owned(), kind)
}

#[test]
fn a_conflict_is_predicted_changes_and_is_withdrawn() {
    let mut rig = Rig::new();
    rig.add(0);
    rig.add(1);
    write(rig.path(0, "src/a.rs"), lines(&[(5, "mine")]));
    write(rig.path(1, "src/a.rs"), lines(&[(5, "theirs")]));
    let told = rig.predicted();
    assert_eq!((told.a, told.b, told.conflict), (key(0), key(1), true));
    assert_eq!(files(&told), [file("src/a.rs", Kind::Content)]);
    assert_eq!((told.critical, told.snapshots), (false, 1));
    // Another file joins it.
    write(rig.path(0, "new.rs"), "mine\n");
    write(rig.path(1, "new.rs"), "theirs\n");
    let told = rig.predicted();
    assert_eq!(
        files(&told),
        [
            file("new.rs", Kind::AddedBoth),
            file("src/a.rs", Kind::Content)
        ]
    );
    fs::remove_file(rig.path(1, "new.rs")).unwrap();
    assert_eq!(files(&rig.predicted()).len(), 1);
    // Far apart in the same file: it merges.
    write(rig.path(1, "src/a.rs"), lines(&[(30, "theirs")]));
    let gone = rig.until(|n| matches!(n, Notice::Withdrawn { .. }));
    assert_eq!(
        gone,
        Notice::Withdrawn {
            a: key(0),
            b: key(1)
        }
    );
    let overlap = Notice::Overlap {
        a: key(0),
        b: key(1),
        paths: vec![b"src/a.rs".as_slice().into()],
        more: 0,
    };
    assert!(rig.log.contains(&overlap), "{:#?}", rig.log);
    // Committed work counts like work that is not.
    write(rig.path(1, "src/a.rs"), lines(&[(5, "theirs")]));
    git(&rig.root(1), &["commit", "-qam", "work"]);
    assert!(rig.predicted().conflict);
    rig.watch().remove(key(1));
    rig.until(|n| matches!(n, Notice::Withdrawn { .. }));
}

#[test]
fn deleted_renamed_and_replaced_files_are_predicted_with_their_kinds() {
    let mut rig = Rig::new();
    rig.add(0);
    rig.add(1);
    fs::remove_file(rig.path(0, "src/a.rs")).unwrap();
    write(rig.path(1, "src/a.rs"), lines(&[(1, "theirs")]));
    assert_eq!(
        files(&rig.predicted()),
        [file("src/a.rs", Kind::DeletedEdited)]
    );
    write(rig.path(0, "src/a.rs"), lines(&[]));
    rig.until(|n| matches!(n, Notice::Withdrawn { .. }));
    // Renamed to two names.
    fs::rename(rig.path(0, "src/b.rs"), rig.path(0, "src/mine.rs")).unwrap();
    fs::rename(rig.path(1, "src/b.rs"), rig.path(1, "src/theirs.rs")).unwrap();
    let told = rig.predicted();
    let renamed = file("src/b.rs", Kind::Renamed);
    assert!(files(&told).contains(&renamed), "{told:?}");
    git(&rig.root(0), &["checkout", "-q", "."]);
    fs::remove_file(rig.path(0, "src/mine.rs")).unwrap();
    rig.until(|n| matches!(n, Notice::Withdrawn { .. }));
    // A file here, a folder there.
    write(rig.path(0, "thing"), "x\n");
    write(rig.path(1, "thing/in"), "x\n");
    let told = rig.predicted();
    assert_eq!(files(&told), [file("thing", Kind::FileFolder)]);
}

#[test]
fn generated_files_and_domains_are_hints_and_rules_answer_files() {
    let mut rig = Rig::new();
    rig.settings.ruled = Globs::new(&["docs/*.md"]).unwrap();
    for (agent, domains) in [
        (0, [("db", false), ("ui", false)]),
        (1, [("x", false), ("db", false)]),
    ] {
        rig.clone(agent);
        rig.add_with(agent, &[], &domains);
        rig.watched(agent);
    }
    write(rig.path(0, "docs/x.md"), "mine\n");
    write(rig.path(1, "docs/x.md"), "theirs\n");
    let told = rig.predicted();
    assert!(!told.conflict && told.files.is_empty(), "{told:?}");
    assert_eq!(told.domains, ["db".into()]);
    // Both changed it, apart: git would merge it.
    write(rig.path(0, "Cargo.lock"), lines(&[(1, "mine")]));
    write(rig.path(1, "Cargo.lock"), lines(&[(30, "theirs")]));
    let told = rig.predicted();
    assert!(!told.conflict);
    assert_eq!(files(&told), [file("Cargo.lock", Kind::Generated)]);
}

#[test]
fn in_a_critical_domain_it_is_told_after_five_seconds_though_nothing_more_happens() {
    let mut rig = Rig::new();
    for agent in 0..2 {
        rig.clone(agent);
        rig.add_with(agent, &[], &[("db", true)]);
        rig.watched(agent);
    }
    let start = Instant::now();
    write(rig.path(0, "src/a.rs"), lines(&[(5, "mine")]));
    write(rig.path(1, "src/a.rs"), lines(&[(5, "theirs")]));
    let told = rig.predicted();
    assert!(start.elapsed() >= Duration::from_secs(5));
    assert!(
        told.critical && told.conflict && told.snapshots == 2,
        "{told:?}"
    );
}

#[test]
fn workspaces_that_began_at_different_commits_are_compared_from_where_they_parted() {
    let mut rig = Rig::new();
    rig.add(0);
    // The branch goes on, and the second begins there.
    let repo = rig.folder.path().join("repo");
    write(repo.join("src/b.rs"), lines(&[(9, "merged")]));
    git(&repo, &["commit", "-qam", "second"]);
    let first = std::mem::replace(&mut rig.base, git(&repo, &["rev-parse", "HEAD"]));
    assert_ne!(first, rig.base);
    rig.add(1);
    write(rig.path(0, "src/b.rs"), lines(&[(30, "mine")]));
    write(
        rig.path(1, "src/b.rs"),
        lines(&[(9, "merged"), (20, "theirs")]),
    );
    rig.until(|n| matches!(n, Notice::Overlap { paths, .. } if !paths.is_empty()));
    write(
        rig.path(1, "src/b.rs"),
        lines(&[(9, "merged"), (30, "theirs")]),
    );
    assert_eq!(files(&rig.predicted()), [file("src/b.rs", Kind::Content)]);
}

#[test]
fn only_pairs_that_meet_are_compared() {
    let mut rig = Rig::new();
    for agent in 0..4 {
        rig.add(agent);
        write(rig.path(agent, &format!("own{agent}")), "x");
        rig.dirty(agent, 1);
    }
    rig.settle(3, 1);
    let stats = rig.watch().stats();
    assert_eq!((stats.snapshots, stats.merges), (0, 0));
}

#[test]
fn line_ends_and_ignored_files_are_as_the_workspace_has_them() {
    let mut rig = Rig::new();
    let ignored = rig.folder.path().join("ignored");
    write(&ignored, "*.mine\n");
    let crlf = |changed: &[(usize, &str)]| lines(changed).replace('\n', "\r\n");
    for agent in 0..2 {
        rig.clone(agent);
        let root = rig.root(agent);
        git(&root, &["config", "core.autocrlf", "true"]);
        git(
            &root,
            &["config", "core.excludesFile", ignored.to_str().unwrap()],
        );
        git(&root, &["rm", "-q", "--cached", "-r", "."]);
        git(&root, &["reset", "-q", "--hard"]);
        assert!(fs::read_to_string(rig.path(agent, "src/a.rs")).unwrap() == crlf(&[]));
        rig.add_with(agent, &[], &[]);
        rig.watched(agent);
        write(rig.path(agent, "x.mine"), "not seen\n");
    }
    // Far apart: only if each line were another would it be a conflict.
    write(rig.path(0, "src/a.rs"), crlf(&[(5, "mine")]));
    write(rig.path(1, "src/a.rs"), crlf(&[(30, "theirs")]));
    let overlap = rig.until(|n| matches!(n, Notice::Overlap { .. } | Notice::Predicted(_)));
    let expected = Notice::Overlap {
        a: key(0),
        b: key(1),
        paths: vec![b"src/a.rs".as_slice().into()],
        more: 0,
    };
    assert_eq!(overlap, expected);
    let most = rig.log.iter().filter_map(|n| match n {
        Notice::Dirty { count, .. } => Some(*count),
        _ => None,
    });
    assert_eq!(most.max(), Some(1), "{:#?}", rig.log);
}
