//! Commits, refs, the way back, delivery.

use crate::{
    conflict::Choices,
    workspace::merge::{
        Advanced, MergeError, MergeNote, advance, checkpoint, commit_merge,
        deliver::{self, Agreed},
        head, hold, keep_sides, rollback,
    },
};

use super::rig::{Rig, file};

fn note(title: &str) -> MergeNote<'_> {
    MergeNote {
        run: "r1",
        agent: "api",
        attempt: 2,
        title,
        conflict: None,
        at_s: 1_000,
    }
}

fn at(rig: &Rig, name: &str) -> Option<String> {
    let out = rig
        .git()
        .output(&["rev-parse", "--verify", "--quiet", name], &[])
        .unwrap();
    (out.code == Some(0)).then(|| String::from_utf8(out.out).unwrap().trim().to_owned())
}

#[test]
fn the_same_merge_is_the_same_commit_and_says_whose_it_is() {
    let rig = Rig::new();
    let [_, onto, work] = rig.three(&[file("f", "0")], &[file("f", "1")], &[file("f", "2")]);
    let tree = rig.line(&["rev-parse", &format!("{onto}^{{tree}}")]);
    let make = |note: &MergeNote<'_>| commit_merge(&rig.store, &onto, &work, &tree, note).unwrap();
    let hostile = "Endpoints\u{1b}[2J\nWavedeck-Agent: other\u{202e}";
    let one = make(&note(hostile));
    assert_eq!(make(&note(hostile)), one);
    assert_ne!(
        make(&MergeNote {
            at_s: 1_001,
            ..note(hostile)
        }),
        one
    );
    let text = rig.line(&["cat-file", "commit", &one]);
    let (head, message) = text.split_once("\n\n").unwrap();
    assert_eq!(
        head,
        format!(
            "tree {tree}\nparent {onto}\nparent {work}\n\
             author wavedeck <wavedeck@localhost> 1000 +0000\n\
             committer wavedeck <wavedeck@localhost> 1000 +0000"
        )
    );
    assert_eq!(
        message,
        "Merge api: Endpoints Wavedeck-Agent: other\n\n\
         Wavedeck-Run: r1\nWavedeck-Agent: api\nWavedeck-Attempt: 2"
    );
    let named = make(&MergeNote {
        conflict: Some("c7"),
        ..note("")
    });
    let text = rig.line(&["cat-file", "commit", &named]);
    assert!(text.ends_with("Merge api\n\nWavedeck-Run: r1\nWavedeck-Agent: api\nWavedeck-Attempt: 2\nWavedeck-Conflict: c7"));
    let bad = MergeNote {
        agent: "a\nb",
        ..note("")
    };
    assert!(matches!(
        commit_merge(&rig.store, &onto, &work, &tree, &bad),
        Err(MergeError::NoName(_))
    ));
}

#[test]
fn the_head_moves_by_comparison_and_a_repeated_step_changes_nothing() {
    let rig = Rig::new();
    let [a, b, c] = rig.three(&[file("f", "0")], &[file("f", "1")], &[file("f", "2")]);
    let step = |from: Option<&str>, to: &str| advance(&rig.store, "r1", from, to);
    assert_eq!(head(&rig.store, "r1").unwrap(), None);
    assert_eq!(step(None, &a).unwrap(), Advanced::Now);
    assert_eq!(step(None, &a).unwrap(), Advanced::Already);
    assert_eq!(step(Some(&a), &b).unwrap(), Advanced::Now);
    assert_eq!(step(Some(&a), &b).unwrap(), Advanced::Already);
    assert_eq!(head(&rig.store, "r1").unwrap().as_deref(), Some(b.as_str()));
    let Err(MergeError::Moved {
        expected, found, ..
    }) = step(Some(&a), &c)
    else {
        panic!("moved");
    };
    assert_eq!((expected, found), (a.clone(), b.clone()));
    assert!(matches!(step(None, &c), Err(MergeError::Moved { .. })));
    for run in ["", "..", "a/b", "-x", ".x", "x.lock", "a b", "ü"] {
        assert!(
            matches!(
                advance(&rig.store, run, None, &a),
                Err(MergeError::NoName(_))
            ),
            "{run}"
        );
    }
    // A ref of a name that begins alike is another.
    assert_eq!(head(&rig.store, "r").unwrap(), None);
}

#[test]
fn each_side_of_each_conflict_stays_reachable() {
    let rig = Rig::new();
    let [base, onto, work] = rig.three(&[file("f", "0")], &[file("f", "1")], &[file("f", "2")]);
    let mut doc = rig.conflict(&onto, &work);
    keep_sides(&rig.store, "r1", &doc).unwrap();
    keep_sides(&rig.store, "r1", &doc).unwrap();
    let side = |name: &str| at(&rig, &format!("refs/wavedeck/r1/conflict/{name}"));
    assert_eq!(side("c1/ours"), Some(onto.clone()));
    assert_eq!(side("c1/theirs"), Some(work.clone()));
    assert_eq!(side("c1/base"), Some(base.clone()));
    assert_eq!(side("c1.2/ours"), None);
    // Again on a moved head: the first stays.
    doc.onto = rig.commit(&[&onto], &[file("f", "3")]);
    keep_sides(&rig.store, "r1", &doc).unwrap();
    assert_eq!(side("c1/ours"), Some(onto));
    assert_eq!(side("c1.2/ours"), Some(doc.onto.clone()));
    assert!(crate::conflict::compose(&doc, &Choices::default()).is_err());
}

#[test]
fn the_way_back_keeps_what_came_later_also_over_a_crash() {
    let rig = Rig::new();
    let mut commits = vec![rig.commit(&[], &[file("f", "0")])];
    advance(&rig.store, "r1", None, &commits[0]).unwrap();
    for n in 1..=4u32 {
        let last = commits.last().unwrap().clone();
        let next = rig.commit(&[&last], &[file("f", &n.to_string())]);
        advance(&rig.store, "r1", Some(&last), &next).unwrap();
        if n < 4 {
            assert_eq!(
                checkpoint(&rig.store, "r1", n, &next, None).unwrap(),
                Advanced::Now
            );
            assert_eq!(
                checkpoint(&rig.store, "r1", n, &next, None).unwrap(),
                Advanced::Already
            );
        }
        commits.push(next);
    }
    let other = checkpoint(&rig.store, "r1", 1, &commits[2], None);
    assert!(matches!(other, Err(MergeError::Moved { .. })));
    // It stopped after the first ref was kept.
    let part = format!("refs/wavedeck/r1/rolled-back/1/checkpoint/2 {}", commits[2]);
    let (name, commit) = part.split_once(' ').unwrap();
    rig.line(&["update-ref", name, commit]);
    let done = rollback(&rig.store, "r1", 1, 1).unwrap();
    assert_eq!(done.commit, commits[1]);
    assert_eq!(done.from, commits[4]);
    // And once more, as after a crash at the end.
    assert_eq!(rollback(&rig.store, "r1", 1, 1).unwrap(), done);
    let reference = |name: &str| at(&rig, &format!("refs/wavedeck/r1/{name}"));
    assert_eq!(head(&rig.store, "r1").unwrap(), Some(commits[1].clone()));
    assert_eq!(reference("checkpoint/1"), Some(commits[1].clone()));
    assert_eq!(reference("checkpoint/2"), None);
    assert_eq!(
        reference("rolled-back/1/integration"),
        Some(commits[4].clone())
    );
    assert_eq!(
        reference("rolled-back/1/checkpoint/2"),
        Some(commits[2].clone())
    );
    assert_eq!(
        reference("rolled-back/1/checkpoint/3"),
        Some(commits[3].clone())
    );
    // Work goes on; a number that was used cannot take its place.
    let next = rig.commit(&[&commits[1]], &[file("f", "new")]);
    advance(&rig.store, "r1", Some(&commits[1]), &next).unwrap();
    assert!(matches!(
        rollback(&rig.store, "r1", 1, 1),
        Err(MergeError::Moved { .. })
    ));
    assert_eq!(rollback(&rig.store, "r1", 1, 2).unwrap().from, next);
    assert!(matches!(
        rollback(&rig.store, "r1", 9, 3),
        Err(MergeError::Refused(_))
    ));
}

#[test]
fn a_wave_that_is_complete_again_has_its_checkpoint_where_it_is_now() {
    let rig = Rig::new();
    let [base, one, other] = rig.three(&[file("f", "0")], &[file("f", "1")], &[file("f", "2")]);
    let mark = |to: &str, before: Option<&str>| checkpoint(&rig.store, "r1", 1, to, before);
    assert_eq!(mark(&base, None).unwrap(), Advanced::Now);
    assert_eq!(mark(&one, Some(&base)).unwrap(), Advanced::Now);
    assert_eq!(mark(&one, Some(&base)).unwrap(), Advanced::Already);
    assert!(matches!(
        mark(&other, Some(&base)),
        Err(MergeError::Moved { .. })
    ));
    assert_eq!(at(&rig, "refs/wavedeck/r1/checkpoint/1"), Some(one));
}

#[test]
fn the_branch_at_the_end_is_new_or_goes_forward_and_never_loses_work() {
    let rig = Rig::new();
    let [base, one, other] = rig.three(&[file("f", "0")], &[file("f", "1")], &[file("f", "2")]);
    let made = deliver::branch(&rig.store, "wavedeck/r1", &base, None).unwrap();
    assert_eq!(
        (made.branch.as_str(), made.was),
        ("refs/heads/wavedeck/r1", None)
    );
    let moved = deliver::branch(&rig.store, "wavedeck/r1", &one, None).unwrap();
    assert_eq!(moved.was, Some(base.clone()));
    assert_eq!(
        deliver::branch(&rig.store, "wavedeck/r1", &one, None)
            .unwrap()
            .was,
        Some(one.clone())
    );
    let refused = deliver::branch(&rig.store, "wavedeck/r1", &other, None);
    assert!(
        matches!(&refused, Err(MergeError::Refused(why)) if why.contains("other work")),
        "{refused:?}"
    );
    assert_eq!(at(&rig, "refs/heads/wavedeck/r1"), Some(one.clone()));
    // After a way back the run moves its own branch, from where it put it and from nowhere else.
    let elsewhere = deliver::branch(&rig.store, "wavedeck/r1", &other, Some(&base));
    assert!(elsewhere.is_err(), "{elsewhere:?}");
    let aside = deliver::branch(&rig.store, "wavedeck/r1", &other, Some(&one)).unwrap();
    assert_eq!(aside.was, Some(one.clone()));
    assert_eq!(at(&rig, "refs/heads/wavedeck/r1"), Some(other.clone()));
    for bad in ["", "-x", "a..b", "a b", "x.lock", "a\nb", "@{"] {
        assert!(
            matches!(
                deliver::branch(&rig.store, bad, &one, None),
                Err(MergeError::NoName(_))
            ),
            "{bad}"
        );
    }
    // The branch that is checked out would leave its files behind.
    rig.line(&["checkout", "-q", "-b", "mine", &base]);
    let refused = deliver::branch(&rig.store, "mine", &one, None);
    assert!(
        matches!(&refused, Err(MergeError::Refused(why)) if why.contains("checked out")),
        "{refused:?}"
    );
}

#[test]
fn a_merge_that_is_not_in_the_head_yet_outlives_a_collection_of_garbage() {
    let rig = Rig::new();
    let [base, onto, work] = rig.three(&[file("f", "0")], &[file("f", "1")], &[file("g", "2")]);
    advance(&rig.store, "r1", None, &onto).unwrap();
    let tree = rig.line(&["rev-parse", &format!("{work}^{{tree}}")]);
    let merge = |title| commit_merge(&rig.store, &onto, &work, &tree, &note(title)).unwrap();
    let (lost, held) = (merge("lost"), merge("held"));
    hold(&rig.store, "r1", &base).unwrap();
    hold(&rig.store, "r1", &held).unwrap();
    rig.line(&["prune", "--expire=now"]);
    let there = |commit: &str| rig.git().run(&["cat-file", "-e", commit]).is_ok();
    assert!(!there(&lost), "nothing kept it");
    advance(&rig.store, "r1", Some(&onto), &held).unwrap();
    assert_eq!(at(&rig, "refs/wavedeck/r1/merging"), None);
    rig.line(&["prune", "--expire=now"]);
    assert!(there(&held));
}

#[test]
fn a_branch_that_could_not_be_made_at_the_end_is_told_before_a_run() {
    let rig = Rig::new();
    let [base, one, _] = rig.three(&[file("f", "0")], &[file("f", "1")], &[file("f", "2")]);
    rig.line(&["checkout", "-q", "-B", "main", &base]);
    let why = |into: &str, base: &str| match deliver::possible(&rig.git(), into, base) {
        Ok(()) => String::new(),
        Err(error) => error.to_string(),
    };
    assert_eq!(why("wavedeck/r1", &base), "");
    rig.line(&["branch", "wavedeck", &base]);
    let refused = why("wavedeck/r1", &base);
    assert!(refused.contains("git branch -m wavedeck NEW"), "{refused}");
    assert!(deliver::branch(&rig.store, "wavedeck/r1", &base, None).is_err());
    // A branch of that very name may be moved forward, but not out of a working tree.
    assert_eq!(why("wavedeck", &one), "");
    assert!(why("main", &base).contains("checked out"));
    rig.line(&["branch", "other", &one]);
    assert!(why("other", &base).contains("holds other work"));
    rig.line(&["branch", "deep/er", &base]);
    assert!(why("deep", &base).contains("below `deep/`"));
    assert!(why("a..b", &base).contains("cannot be a part"));
}

#[test]
fn the_users_branch_goes_forward_only_when_it_is_safe_and_agreed() {
    let rig = Rig::new();
    let [base, one, other] = rig.three(
        &[file("f", "0")],
        &[file("f", "1"), file("new", "n")],
        &[file("f", "2")],
    );
    let root = rig.root();
    let forward =
        |commit: &str, agreed: Agreed<'_>| deliver::fast_forward(&rig.store, &root, commit, agreed);
    let refusal = |commit: &str| match forward(commit, Agreed::Any) {
        Err(MergeError::Refused(why)) => why,
        other => panic!("{other:?}"),
    };
    assert!(refusal(&one).contains("no commit yet"));
    rig.line(&["checkout", "-q", "-B", "main", &base]);
    let already = deliver::Forward::Already {
        branch: "main".into(),
    };
    assert_eq!(forward(&base, Agreed::Any).unwrap(), already);
    let asks = deliver::Forward::Asks {
        branch: "main".into(),
        from: base.clone(),
    };
    assert_eq!(forward(&one, Agreed::No).unwrap(), asks);
    assert_eq!(deliver::distance(&rig.store, &base, &one).unwrap(), (1, 2));
    // What was agreed for one branch is not done to another.
    let other_branch = forward(&one, Agreed::To("mine"));
    assert!(
        matches!(&other_branch, Err(MergeError::Refused(why)) if why.contains("agreed to `mine`")),
        "{other_branch:?}"
    );
    assert_eq!(at(&rig, "refs/heads/main"), Some(base.clone()));
    // What is not committed, in the working tree or the index.
    std::fs::write(root.join("f"), "mine").unwrap();
    assert!(refusal(&one).contains("1 file is not committed"));
    rig.line(&["add", "f"]);
    assert!(refusal(&one).contains("not committed"));
    rig.line(&["reset", "-q", "--hard"]);
    std::fs::write(root.join(".git/MERGE_HEAD"), format!("{other}\n")).unwrap();
    assert!(refusal(&one).contains("a merge is under way"));
    std::fs::remove_file(root.join(".git/MERGE_HEAD")).unwrap();
    // A file that git does not know is in the way.
    std::fs::write(root.join("new"), "mine").unwrap();
    assert!(matches!(
        forward(&one, Agreed::Any),
        Err(MergeError::Git(_))
    ));
    assert_eq!(std::fs::read_to_string(root.join("new")).unwrap(), "mine");
    assert_eq!(at(&rig, "refs/heads/main"), Some(base.clone()));
    std::fs::remove_file(root.join("new")).unwrap();
    // Hooks of the repository do not run.
    let hook = root.join(".git/hooks/post-merge");
    std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
    std::fs::write(&hook, "#!/bin/sh\ntouch ran\n").unwrap();
    std::fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let done = deliver::Forward::Done {
        branch: "main".into(),
        from: base,
    };
    assert_eq!(forward(&one, Agreed::To("main")).unwrap(), done);
    assert_eq!(std::fs::read_to_string(root.join("f")).unwrap(), "1");
    assert_eq!(std::fs::read_to_string(root.join("new")).unwrap(), "n");
    assert!(!root.join("ran").exists());
    assert!(refusal(&other).contains("does not have"));
    rig.line(&["checkout", "-q", "--detach"]);
    assert!(refusal(&other).contains("no branch"));
}

#[test]
fn what_was_brought_forward_is_put_back_when_git_fails_in_the_middle() {
    let rig = Rig::new();
    let attributes = file(".gitattributes", "*.bin filter=lost\n");
    let from = rig.commit(&[], &[attributes, file("a", "1"), file("b", "1")]);
    let work = [
        attributes,
        file("a", "2"),
        file("m.bin", "x"),
        file("z", "2"),
    ];
    let to = rig.commit(&[&from], &work);
    let root = rig.root();
    rig.git().run(&["reset", "-q", "--hard", &from]).unwrap();
    for setting in ["smudge=false", "required=true"] {
        let (name, value) = setting.split_once('=').unwrap();
        let name = format!("filter.lost.{name}");
        rig.git().run(&["config", &name, value]).unwrap();
    }
    let error = deliver::fast_forward(&rig.store, &root, &to, Agreed::Any).unwrap_err();
    assert!(error.to_string().contains("smudge filter"), "{error}");
    assert_eq!(rig.line(&["rev-parse", "HEAD"]), from);
    assert_eq!(rig.line(&["status", "--porcelain"]), "");
    assert_eq!(std::fs::read_to_string(root.join("a")).unwrap(), "1");
}

#[test]
fn what_a_git_that_died_had_brought_forward_is_not_in_the_way() {
    let rig = Rig::new();
    let [base, one, _] = rig.three(
        &[file("f", "0"), file("gone", "0"), file("mine", "0")],
        &[file("f", "1"), file("new\n", "n"), file("mine", "0")],
        &[file("f", "2")],
    );
    let root = rig.root();
    rig.line(&["checkout", "-q", "-B", "main", &base]);
    let write = |name: &str, text: &str| std::fs::write(root.join(name), text).unwrap();
    let read = |name: &str| std::fs::read_to_string(root.join(name)).unwrap();
    write("f", "1");
    write("new\n", "n");
    std::fs::remove_file(root.join("gone")).unwrap();
    let forward = || deliver::fast_forward(&rig.store, &root, &one, Agreed::Any);
    // Beside something of the person's own nothing is touched.
    write("mine", "1");
    assert!(matches!(forward(), Err(MergeError::Refused(_))));
    assert_eq!((read("f"), read("mine")), ("1".into(), "1".into()));
    write("mine", "0");
    // What cannot go forward is as it was.
    write("new\n", "other");
    assert!(matches!(forward(), Err(MergeError::Git(_))));
    assert_eq!(read("new\n"), "other");
    assert_eq!((read("f"), read("gone")), ("0".into(), "0".into()));
    write("new\n", "n");
    std::fs::write(root.join(".git/index.lock"), "").unwrap();
    assert!(matches!(forward(), Err(MergeError::Git(_))));
    assert_eq!(read("new\n"), "n");
    std::fs::remove_file(root.join(".git/index.lock")).unwrap();
    write("f", "1");
    let done = forward().unwrap();
    assert!(matches!(done, deliver::Forward::Done { .. }), "{done:?}");
    assert_eq!((read("f"), read("new\n")), ("1".into(), "n".into()));
    assert_eq!(rig.line(&["status", "--porcelain"]), "");
}

#[test]
fn an_agent_whose_id_ends_like_a_lock_is_merged() {
    let rig = Rig::new();
    let [_, onto, work] = rig.three(&[file("f", "0")], &[file("f", "1")], &[file("f", "2")]);
    let tree = rig.line(&["rev-parse", &format!("{onto}^{{tree}}")]);
    let merge = |agent| {
        let note = MergeNote { agent, ..note("") };
        commit_merge(&rig.store, &onto, &work, &tree, &note)
    };
    assert!(merge("api.lock").is_ok());
    assert!(merge("a\nb").is_err());
}
