//! Each way in which two sides can disagree.

use crate::{
    conflict::{Kind, Piece, RepoPath},
    workspace::merge::{MergeError, Objects, Store, Tried, Whose, try_merge},
};

use super::rig::{COMMIT, File, LINK, PROGRAM, Rig, file};

/// Kinds by path, as `path kind`.
fn kinds(rig: &Rig, base: &[File<'_>], ours: &[File<'_>], theirs: &[File<'_>]) -> Vec<String> {
    let [_, ours, theirs] = rig.three(base, ours, theirs);
    match rig.same_as_git(&ours, &theirs) {
        Tried::Conflict { doc, .. } => doc
            .files
            .iter()
            .map(|f| {
                let path = f.path.to_text();
                let path = path.split('~').next().unwrap().to_owned();
                format!("{path} {:?} {}", f.kind, f.hunks().count())
            })
            .collect(),
        Tried::Clean { .. } => vec!["clean".to_owned()],
        other => panic!("{other:?}"),
    }
}

const TEN: &str = "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n";

#[test]
fn each_kind_of_conflict_has_its_name_and_is_gits() {
    let rig = Rig::new();
    let edit = |from: &str, to: &str| TEN.replace(from, to);
    let (a, b) = (edit("5", "five"), edit("5", "V"));
    let check = |base: &[File<'_>], ours: &[File<'_>], theirs: &[File<'_>], expect: &[&str]| {
        assert_eq!(kinds(&rig, base, ours, theirs), expect);
    };
    let one = [file("f", TEN)];
    check(&one, &[file("f", &a)], &[file("f", &b)], &["f Content 1"]);
    // Far enough apart git merges them.
    let far = edit("10", "X");
    check(&one, &[file("f", &a)], &[file("f", &far)], &["clean"]);
    // The same change on both sides, in files of different names.
    check(
        &one,
        &[file("f", &a)],
        &[file("f", &a), file("g", "")],
        &["clean"],
    );
    check(
        &[file("x", "")],
        &[file("x", ""), file("n", "one\n")],
        &[file("x", ""), file("n", "two\n")],
        &["n BothAdded 1"],
    );
    check(
        &[one[0], file("x", "")],
        &[file("x", "")],
        &[file("f", &b)],
        &["f DeletedHere 0"],
    );
    check(
        &[one[0], file("x", "")],
        &[file("f", &b)],
        &[file("x", "")],
        &["f DeletedThere 0"],
    );
    // Renamed in two ways: three paths, one conflict.
    check(&one, &[file("g", TEN)], &[file("h", TEN)], &["g Renamed 0"]);
    check(
        &[one[0], file("x", "")],
        &[file("g", &a)],
        &[file("x", "")],
        &["g Renamed 0"],
    );
    // Renamed here, edited there: git follows.
    check(&one, &[file("g", TEN)], &[file("f", &b)], &["clean"]);
    check(&one, &[file("g", &a)], &[file("f", &b)], &["g Content 1"]);
    // Two files renamed to one name.
    check(
        &[file("p", TEN), file("q", "a\nb\nc\nd\ne\nf\n")],
        &[file("t", TEN), file("q", "a\nb\nc\nd\ne\nf\n")],
        &[file("p", TEN), file("t", "a\nb\nc\nd\ne\nf\n")],
        &["t BothAdded 1"],
    );
    // A folder renamed here, a file added to it there.
    check(
        &[file("d/1", TEN), file("d/2", "two\n2\n3\n")],
        &[file("e/1", TEN), file("e/2", "two\n2\n3\n")],
        &[
            file("d/1", TEN),
            file("d/2", "two\n2\n3\n"),
            file("d/3", "new\n"),
        ],
        &["e/3 Renamed 0"],
    );
    let bin = |content: &'static [u8]| -> File<'static> { (b"b", "100644", content) };
    check(
        &[bin(b"\0")],
        &[bin(b"\0a")],
        &[bin(b"\0b")],
        &["b Binary 0"],
    );
    check(
        &[bin(b"\xff\n")],
        &[bin(b"\xfea\n")],
        &[bin(b"\xfdb\n")],
        &["b Binary 0"],
    );
    let link = |to: &'static [u8]| -> File<'static> { (b"l", LINK, to) };
    check(&[link(b"a")], &[link(b"b")], &[link(b"c")], &["l Other 0"]);
    let program = |text: &'static str| -> File<'static> { (b"n", PROGRAM, text.as_bytes()) };
    let x = file("x", "");
    check(
        &[x],
        &[x, file("n", "n\n")],
        &[x, program("n\n")],
        &["n Mode 0"],
    );
    // One side makes it a program, the other edits it.
    check(
        &[file("n", TEN)],
        &[(b"n", PROGRAM, TEN.as_bytes())],
        &[file("n", &a)],
        &["clean"],
    );
    let oid = |c: char| c.to_string().repeat(40).into_bytes();
    let (s1, s2, s3) = (oid('1'), oid('2'), oid('3'));
    let modules = file(".gitmodules", "[submodule \"s\"]\npath = s\nurl = ./s\n");
    check(
        &[modules, (b"s", COMMIT, &s1)],
        &[modules, (b"s", COMMIT, &s2)],
        &[modules, (b"s", COMMIT, &s3)],
        &["s Submodule 0"],
    );
    // A file in the place of a folder.
    check(
        &[x],
        &[x, file("p", "p\n")],
        &[x, file("p/q", "q\n")],
        &["p Other 0"],
    );
    check(
        &[x],
        &[x, file("p/q", "q\n")],
        &[x, file("p", "p\n")],
        &["p Other 0"],
    );
    // A link in the place of a file.
    check(
        &[x],
        &[x, file("l", "l\n")],
        &[x, link(b"x")],
        &["l Other 0"],
    );
}

#[test]
fn odd_names_are_kept_as_bytes() {
    let rig = Rig::new();
    let names: [&[u8]; 6] = [
        b"a\nb",
        b"q\"uote\\",
        b"\xff\xfe",
        b" lead",
        b":(top)x",
        "ümlaut\u{202e}".as_bytes(),
    ];
    let with = |text: &'static [u8]| -> Vec<File<'_>> {
        names.iter().map(|name| (*name, "100644", text)).collect()
    };
    let [_, ours, theirs] = rig.three(&with(b"b\n"), &with(b"o\n"), &with(b"t\n"));
    let Tried::Conflict { doc, overlap } = rig.same_as_git(&ours, &theirs) else {
        panic!("a conflict");
    };
    let mut expect: Vec<RepoPath> = names.map(RepoPath::new).to_vec();
    expect.sort();
    let found: Vec<RepoPath> = doc.files.iter().map(|f| f.path.clone()).collect();
    assert_eq!(found, expect);
    assert_eq!(overlap.paths, expect);
    assert_eq!(overlap.permille(), 1_000);
    // The document keeps them through JSON, and what git says of them is safe to show.
    let json = serde_json::to_string(&doc).unwrap();
    assert_eq!(
        serde_json::from_str::<crate::conflict::ConflictDoc>(&json).unwrap(),
        *doc
    );
    assert!(
        doc.files
            .iter()
            .all(|f| !f.said.contains(['\n', '\u{202e}']))
    );
}

#[test]
fn histories_of_all_shapes_are_merged_as_git_does() {
    let rig = Rig::new();
    let root = rig.commit(&[], &[file("f", TEN)]);
    let one = rig.commit(&[&root], &[file("f", &TEN.replace('1', "one"))]);
    // What is there already, what goes on from here, an empty commit.
    assert_eq!(rig.merge(&one, &root), Tried::Contained);
    assert_eq!(rig.merge(&one, &one), Tried::Contained);
    assert!(matches!(
        rig.same_as_git(&root, &one),
        Tried::FastForward { .. }
    ));
    let empty = rig.commit(&[&root], &[file("f", TEN)]);
    let Tried::Clean { overlap, .. } = rig.same_as_git(&one, &empty) else {
        panic!("clean");
    };
    assert_eq!(
        (overlap.ours, overlap.theirs, overlap.paths.len()),
        (1, 0, 0)
    );
    // Criss-cross: two common ancestors that disagree.
    let a = rig.commit(&[&root], &[file("f", &TEN.replace('5', "A"))]);
    let b = rig.commit(&[&root], &[file("f", &TEN.replace('5', "B"))]);
    let x = rig.commit(&[&a, &b], &[file("f", &TEN.replace('5', "A"))]);
    let y = rig.commit(&[&b, &a], &[file("f", &TEN.replace('5', "B"))]);
    let Tried::Conflict { doc, .. } = rig.same_as_git(&x, &y) else {
        panic!("conflict");
    };
    assert_eq!(doc.files[0].hunks().count(), 1);
    let x2 = rig.commit(
        &[&x],
        &[file("f", &TEN.replace('5', "A").replace('9', "X"))],
    );
    let y2 = rig.commit(&[&y], &[file("f", &TEN.replace('5', "A"))]);
    rig.same_as_git(&x2, &y2);
    // Begun anew.
    let other = rig.commit(&[], &[file("f", TEN)]);
    let whose = Whose {
        conflict: "c",
        agent: "a",
        attempt: 1,
    };
    let refused = try_merge(&rig.store, &one, &other, &whose);
    assert!(matches!(refused, Err(MergeError::Unrelated)), "{refused:?}");
    // What is no commit's full name is never given to git.
    for name in ["HEAD", "--all", "", &one[..12], &one.to_uppercase()] {
        let refused = try_merge(&rig.store, &one, name, &whose);
        assert!(matches!(refused, Err(MergeError::NoObject(_))), "{name}");
    }
    let gone = "0123456789012345678901234567890123456789";
    let refused = try_merge(&rig.store, &one, gone, &whose);
    assert!(matches!(refused, Err(MergeError::Git(_))), "{refused:?}");
}

#[test]
fn lines_that_look_like_markers_stay_text() {
    let rig = Rig::new();
    let fence = "<<<<<<< x\n=======\n>>>>>>> y\n||||||| z\n";
    let long = "=".repeat(60);
    let text = |word: &str| format!("{fence}{long}\nmid\n{word}\n{fence}");
    let (base, a, b) = (text("base"), text("ours"), text("theirs"));
    let [_, ours, theirs] = rig.three(&[file("f", &base)], &[file("f", &a)], &[file("f", &b)]);
    let doc = rig.conflict(&ours, &theirs);
    let Piece::Hunk(hunk) = &doc.files[0].pieces[1] else {
        panic!("{:?}", doc.files[0].pieces);
    };
    assert_eq!(
        [hunk.base.as_str(), &hunk.ours, &hunk.theirs],
        ["base\n", "ours\n", "theirs\n"]
    );
    assert_eq!(doc.files[0].pieces[2], Piece::Same(fence.to_owned()));
    // Text without an end of size is answered as a whole.
    let endless = "=".repeat(5_000);
    let texts = ["b", "o", "t"].map(|w| format!("{endless}\n{w}\n"));
    let [_, ours, theirs] = rig.three(
        &[file("f", &texts[0])],
        &[file("f", &texts[1])],
        &[file("f", &texts[2])],
    );
    assert_eq!(rig.conflict(&ours, &theirs).files[0].kind, Kind::Binary);
}

#[test]
fn what_is_too_large_is_answered_as_a_whole() {
    let rig = Rig::new();
    let text = |word: &str| format!("{word}\n{}", "line\n".repeat(300_000));
    let (base, a, b) = (text("base"), text("ours"), text("theirs"));
    let [_, ours, theirs] = rig.three(&[file("f", &base)], &[file("f", &a)], &[file("f", &b)]);
    let doc = rig.conflict(&ours, &theirs);
    assert!(doc.files[0].cut && doc.files[0].pieces.is_empty());
    assert_eq!(doc.files[0].kind, Kind::Content);
}

#[test]
fn no_merge_driver_of_the_users_is_started_by_what_an_agent_names() {
    let rig = Rig::new();
    let trap = rig.dir.path().join("trap");
    let driver = format!("touch {}; true", trap.display());
    rig.line(&["config", "merge.take.driver", &driver]);
    let attributes = file(".gitattributes", "f merge=take\n");
    let [_, ours, theirs] = rig.three(
        &[file("f", "0\n"), attributes],
        &[file("f", "1\n"), attributes],
        &[file("f", "2\n"), attributes],
    );
    assert!(matches!(rig.merge(&ours, &theirs), Tried::Conflict { .. }));
    assert!(!trap.exists());
    // What the person has for themselves in `info/attributes` counts.
    let info = rig.root().join(".git/info");
    std::fs::create_dir_all(&info).unwrap();
    std::fs::write(info.join("attributes"), "f merge=union\n").unwrap();
    assert!(matches!(rig.merge(&ours, &theirs), Tried::Clean { .. }));
    assert!(!trap.exists());
}

#[test]
fn attributes_of_the_integrated_side_count_and_the_users_settings_do_not() {
    let rig = Rig::new();
    let attributes = file(".gitattributes", "f merge=union\n");
    let with = |text| [attributes, file("f", text)];
    let [_, ours, theirs] = rig.three(&with("0\n"), &with("0\na\n"), &with("0\nb\n"));
    // Another one in the working tree, and settings that change how conflicts are written.
    std::fs::write(rig.root().join(".gitattributes"), "f -merge\n").unwrap();
    rig.line(&["config", "merge.conflictStyle", "zdiff3"]);
    rig.line(&["config", "merge.renames", "false"]);
    let Tried::Clean { tree, .. } = rig.merge(&ours, &theirs) else {
        panic!("union");
    };
    assert_eq!(rig.text(&tree, "f"), "0\na\nb\n");
    let [_, ours, theirs] = rig.three(
        &[file("f", TEN)],
        &[file("g", TEN)],
        &[file("f", "1\n2\n3\n4\n5\n6\n7\n8\n9\nX\n")],
    );
    assert!(matches!(rig.merge(&ours, &theirs), Tried::Clean { .. }));
}

#[test]
fn a_trial_leaves_no_trace() {
    let rig = Rig::new();
    std::fs::write(rig.root().join("mine"), "not committed\n").unwrap();
    let [_, ours, theirs] = rig.three(
        &[file("f", "b\n"), file("g", TEN)],
        &[file("f", "o\n"), file("g", &TEN.replace('1', "x"))],
        &[file("f", "t\n"), file("g", &TEN.replace("10", "y"))],
    );
    let before = listed(&rig.root());
    // A path with all that git's list of stores has to quote.
    let odd = rig.dir.path().join("o:d\"d");
    let objects = Objects::Quarantined {
        dir: odd.clone(),
        also: vec![rig.root().join(".git/objects")],
    };
    let store = Store::new(rig.root().join(".git"), rig.dir.path().join("s")).with_objects(objects);
    let whose = Whose {
        conflict: "c",
        agent: "a",
        attempt: 1,
    };
    let tried = try_merge(&store, &ours, &theirs, &whose).unwrap();
    assert_eq!(tried, {
        let Tried::Conflict { mut doc, overlap } = rig.merge(&ours, &theirs) else {
            panic!("conflict");
        };
        (doc.id, doc.agent, doc.attempt) = ("c".into(), "a".into(), 1);
        Tried::Conflict { doc, overlap }
    });
    // The second merge, for real, is what wrote the objects.
    let after = listed(&rig.root());
    let new: Vec<_> = after.iter().filter(|f| !before.contains(f)).collect();
    assert!(new.iter().all(|f| f.contains("/objects/")), "{new:?}");
    assert!(!new.is_empty() && std::fs::read_dir(&odd).unwrap().count() > 0);
    let left = std::fs::read_dir(rig.dir.path().join("s")).unwrap().count();
    assert_eq!(left, 0, "scratch folders are removed");
    let before = listed(&rig.root());
    try_merge(&store, &ours, &theirs, &whose).unwrap();
    assert_eq!(listed(&rig.root()), before);
}

/// Every file below a folder, with its length.
fn listed(root: &std::path::Path) -> Vec<String> {
    let mut all = Vec::new();
    let mut open = vec![root.to_owned()];
    while let Some(dir) = open.pop() {
        for entry in std::fs::read_dir(dir).unwrap() {
            let entry = entry.unwrap();
            if entry.path().is_dir() {
                open.push(entry.path());
            } else {
                all.push(format!(
                    "{} {}",
                    entry.path().display(),
                    entry.metadata().unwrap().len()
                ));
            }
        }
    }
    all.sort();
    all
}
