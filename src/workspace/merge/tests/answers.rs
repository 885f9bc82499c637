//! From answers to trees.

use std::cell::Cell;

use proptest::prelude::*;

use crate::{
    conflict::{Choice, Choices, ConflictDoc, RepoPath, Rules, Whole, carried, compose},
    plan::MergeRule,
    workspace::merge::{MergeError, Tried, commands_tree, entry_at, entry_in, resolve},
};

use super::rig::{File, Rig, composed, file};

/// One answer for every hunk.
fn all(doc: &ConflictDoc, choice: &Choice) -> Choices {
    let mut out = Choices::default();
    for file in &doc.files {
        for hunk in file.hunks() {
            out.hunk(file.path.clone(), hunk.key.clone(), choice.clone());
        }
    }
    out
}

#[test]
fn each_answer_gives_its_bytes() {
    let rig = Rig::new();
    let [base, ours, theirs] = ["1\n2\nx", "1\nours\nx\n", "1\r\ntheirs\r\nx"];
    let [_, onto, work] = rig.three(
        &[file("f", base), file("keep", "k")],
        &[file("f", ours), file("keep", "k")],
        &[file("f", theirs), file("keep", "k"), file("new", "n")],
    );
    let doc = rig.conflict(&onto, &work);
    let result = |choice: Choice| {
        let tree = resolve(&rig.store, &doc, &all(&doc, &choice)).unwrap();
        assert_eq!(rig.text(&tree, "keep"), "k");
        assert_eq!(rig.text(&tree, "new"), "n");
        rig.text(&tree, "f")
    };
    assert_eq!(result(Choice::Ours), ours);
    assert_eq!(result(Choice::Theirs), theirs);
    assert_eq!(result(Choice::Base), base);
    assert_eq!(result(Choice::Both), format!("{ours}{theirs}"));
    assert_eq!(result(Choice::BothReversed), format!("{theirs}\r\n{ours}"));
    assert_eq!(result(Choice::Edited("e".into())), "e");
    // Nothing is made while something is open.
    let refused = resolve(&rig.store, &doc, &Choices::default());
    let Err(MergeError::Unresolved(open)) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!((open.open.len(), open.open[0].hunks), (1, 1));
}

#[test]
fn whole_files_are_answered_by_side_or_kept_beside() {
    let rig = Rig::new();
    let ten = "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n";
    let binary = |content: &'static [u8]| -> File<'static> { (b"b", "100755", content) };
    let [_, onto, work] = rig.three(
        &[
            file("gone", "g\n"),
            file("ren", ten),
            binary(b"\0"),
            file("z", ""),
        ],
        &[
            file("gone", "edited\n"),
            file("ren1", ten),
            binary(b"\0o"),
            file("z", ""),
            file("dir", "file\n"),
        ],
        &[
            file("ren2", ten),
            binary(b"\0t"),
            file("z", ""),
            file("dir/x", "x\n"),
        ],
    );
    let doc = rig.conflict(&onto, &work);
    let result = |whole: &Whole| {
        let mut choices = Choices::default();
        for file in &doc.files {
            choices.whole(file.path.clone(), whole.clone());
        }
        let tree = resolve(&rig.store, &doc, &choices).unwrap();
        let names = rig.files(&tree).into_iter().map(|(path, content)| {
            let path = path.replace(&onto, "ours");
            format!(
                "{path}={}",
                String::from_utf8_lossy(&content).replace(['\n', '\0'], "")
            )
        });
        names.filter(|n| n != "z=").collect::<Vec<_>>()
    };
    assert_eq!(
        result(&Whole::Ours),
        [
            "b 100755=o",
            "dir/x=x",
            "dir~ours=file",
            "gone=edited",
            "ren1=12345678910"
        ]
    );
    assert_eq!(
        result(&Whole::Theirs),
        ["b 100755=t", "dir/x=x", "ren2=12345678910"]
    );
    assert_eq!(
        result(&Whole::Both),
        [
            "b 100755=o",
            "b~api 100755=t",
            "dir/x=x",
            "dir~ours=file",
            "gone=edited",
            "ren1=12345678910",
            "ren2=12345678910"
        ]
    );
    assert_eq!(
        result(&Whole::Base),
        ["b 100755=", "dir/x=x", "gone=g", "ren=12345678910"]
    );
}

#[test]
fn a_second_version_never_covers_a_file() {
    let rig = Rig::new();
    let with = |text| [file("f", text), file("f~api", "taken\n")];
    let [_, onto, work] = rig.three(&with("b\n"), &with("o\n"), &with("t\n"));
    let doc = rig.conflict(&onto, &work);
    let mut choices = Choices::default();
    choices.whole("f".into(), Whole::Both);
    let refused = resolve(&rig.store, &doc, &choices);
    assert!(
        matches!(&refused, Err(MergeError::Refused(why)) if why.contains("f~api")),
        "{refused:?}"
    );
}

#[test]
fn answers_outlive_a_moved_head() {
    let rig = Rig::new();
    let text = |a: &str, b: &str| format!("{a}\n1\n2\n3\n4\n5\n6\n7\n{b}\n");
    let base = rig.commit(&[], &[file("f", &text("a", "b"))]);
    let onto = rig.commit(&[&base], &[file("f", &text("a1", "b1"))]);
    let work = rig.commit(&[&base], &[file("f", &text("a2", "b2"))]);
    let old = rig.conflict(&onto, &work);
    let keys: Vec<String> = old.files[0].hunks().map(|h| h.key.clone()).collect();
    let mut choices = Choices::default();
    choices.hunk("f".into(), keys[0].clone(), Choice::Theirs);
    choices.hunk("f".into(), keys[1].clone(), Choice::Both);
    // The head moves: the second place is another one now, and a file is new.
    let moved = rig.commit(&[&onto], &[file("f", &text("a1", "b3")), file("g", "g\n")]);
    let new = rig.conflict(&moved, &work);
    let kept = carried(&choices, &old, &new);
    let left = compose(&new, &kept).unwrap_err();
    assert_eq!((left.open.len(), left.open[0].hunks), (1, 1));
    let mut kept = kept;
    let last = new.files[0].hunks().last().unwrap().key.clone();
    kept.hunk("f".into(), last, Choice::Ours);
    let tree = resolve(&rig.store, &new, &kept).unwrap();
    assert_eq!(rig.text(&tree, "f"), text("a2", "b3"));
    assert_eq!(rig.text(&tree, "g"), "g\n");
    // An answer to the whole file holds only while its sides are the same.
    choices.whole("f".into(), Whole::Ours);
    assert_eq!(carried(&choices, &old, &old), choices);
    assert_eq!(carried(&choices, &old, &new), Choices::default());
}

#[test]
fn rules_answer_what_they_can_and_commands_come_last() {
    let rig = Rig::new();
    let four = |word: &'static str| {
        [
            file("CHANGELOG.md", word),
            file("Cargo.lock", word),
            file("docs/a.md", word),
            file("src/a.rs", word),
        ]
    };
    let [_, onto, work] = rig.three(&four("0\n"), &four("ours\n"), &four("theirs\n"));
    let mut doc = rig.conflict(&onto, &work);
    let rules = Rules::new(&[
        ("CHANGELOG.md".into(), MergeRule::Union),
        (
            "Cargo.lock".into(),
            MergeRule::Run(vec!["make-lock".into()]),
        ),
        ("docs/**".into(), MergeRule::Theirs),
        // Comes after the first that matches.
        ("**/*.md".into(), MergeRule::Ours),
    ])
    .unwrap();
    let answers = rules.answer(&mut doc);
    assert_eq!(answers.left, [RepoPath::from("src/a.rs")]);
    assert_eq!(
        doc.file(&"docs/a.md".into()).unwrap().rule.as_deref(),
        Some("docs/**")
    );
    // The command waits for the person.
    let early = commands_tree(&rig.store, &doc, &answers.choices, &answers.commands);
    assert!(matches!(early, Err(MergeError::Unresolved(_))), "{early:?}");
    let key = doc
        .file(&"src/a.rs".into())
        .unwrap()
        .hunks()
        .next()
        .unwrap()
        .key
        .clone();
    let mut person = Choices::default();
    person.hunk("src/a.rs".into(), key, Choice::Theirs);
    let mut choices = person.over(&answers.choices);
    let tree = commands_tree(&rig.store, &doc, &choices, &answers.commands).unwrap();
    assert_eq!(rig.text(&tree, "CHANGELOG.md"), "ours\ntheirs\n");
    assert_eq!(rig.text(&tree, "Cargo.lock"), "ours\n");
    assert_eq!(rig.text(&tree, "docs/a.md"), "theirs\n");
    // It has run: its file is taken, a link is not.
    let place = rig.dir.path().join("place");
    std::fs::create_dir_all(place.join("sub")).unwrap();
    std::fs::write(place.join("Cargo.lock"), "made\n").unwrap();
    std::os::unix::fs::symlink("/etc/passwd", place.join("l")).unwrap();
    std::os::unix::fs::symlink("..", place.join("sub/up")).unwrap();
    for bad in ["l", "sub", "sub/up/Cargo.lock", "../r/x"] {
        let taken = entry_at(&rig.store, &place, &bad.into());
        assert!(!matches!(taken, Ok(Some(_))), "{bad}: {taken:?}");
    }
    assert_eq!(entry_at(&rig.store, &place, &"none".into()).unwrap(), None);
    // So is one in which nothing was settled.
    let marks = "<<<<<<< a\nours\n=======\ntheirs\n>>>>>>> b\n";
    std::fs::write(place.join("marked"), marks).unwrap();
    let marked = entry_at(&rig.store, &place, &"marked".into()).unwrap();
    assert!(marked.unwrap().marked);
    let made = entry_at(&rig.store, &place, &"Cargo.lock".into()).unwrap();
    let made = made.filter(|left| !left.marked).map(|left| left.entry);
    choices.whole("Cargo.lock".into(), Whole::Result(made.clone()));
    let tree = resolve(&rig.store, &doc, &choices).unwrap();
    assert_eq!(rig.text(&tree, "Cargo.lock"), "made\n");
    assert_eq!(
        entry_in(&rig.store, &tree, &"Cargo.lock".into()).unwrap(),
        made
    );
    assert_eq!(entry_in(&rig.store, &tree, &"Cargo".into()).unwrap(), None);
}

/// Texts of few lines that clash often, with all kinds of line ends.
fn text() -> impl Strategy<Value = String> {
    let line = prop::sample::select(vec!["a", "b", "c", "}", ""]);
    let lines = prop::collection::vec(line, 0..10);
    (lines, prop::bool::weighted(0.7), prop::bool::weighted(0.2)).prop_map(
        |(lines, ended, crlf)| {
            let end = if crlf { "\r\n" } else { "\n" };
            let mut text = lines.join(end);
            if ended && !text.is_empty() {
                text.push_str(end);
            }
            text
        },
    )
}

/// One side throughout is, byte for byte, what git makes of that preference.
#[test]
fn one_side_throughout_is_gits() {
    let config = ProptestConfig {
        cases: 40,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let rig = Rig::new();
    let conflicts = Cell::new(0);
    proptest!(config, |(base in text(), ours in text(), theirs in text())| {
        let [_, onto, work] = rig.three(
            &[file("f", &base), file("x", "0")],
            &[file("f", &ours), file("x", "1")],
            &[file("f", &theirs), file("x", "0")],
        );
        let Tried::Conflict { doc, .. } = rig.merge(&onto, &work) else {
            return Ok(());
        };
        conflicts.set(conflicts.get() + 1);
        for (name, text) in [("o", &ours), ("b", &base), ("t", &theirs)] {
            std::fs::write(rig.root().join(name), text).unwrap();
        }
        for (flag, choice) in [("--ours", Choice::Ours), ("--theirs", Choice::Theirs)] {
            let args = ["merge-file", "-p", flag, "o", "b", "t"];
            let gits = rig.git().output(&args, &[]).unwrap();
            let contents = compose(&doc, &all(&doc, &choice)).unwrap();
            prop_assert_eq!(composed(&contents, "f"), String::from_utf8(gits.out).unwrap());
        }
    });
    assert!(conflicts.get() > 10, "{} conflicts", conflicts.get());
}
