//! Conflicts without git: documents made by hand.

use proptest::prelude::{ProptestConfig, any, prop, prop_assert, prop_assert_eq, proptest};

use proptest::strategy::Strategy as _;

use super::*;
use crate::plan::{Join, MergeRule};

fn part(path: &str) -> Part {
    let entry = |c: &str| {
        Some(Entry {
            mode: 0o100_644,
            oid: c.repeat(40),
        })
    };
    Part {
        path: path.into(),
        base: entry("0"),
        ours: entry("1"),
        theirs: entry("2"),
    }
}

fn file(path: &str, pieces: Vec<Piece>) -> ConflictFile {
    ConflictFile {
        path: path.into(),
        kind: if pieces.is_empty() {
            Kind::Binary
        } else {
            Kind::Content
        },
        parts: vec![part(path)],
        pieces,
        mode: 0o100_644,
        cut: false,
        rule: None,
        said: String::new(),
    }
}

fn hunk(base: &str, ours: &str, theirs: &str) -> Piece {
    Piece::Hunk(Hunk::new(base.into(), ours.into(), theirs.into(), 0))
}

fn doc(files: Vec<ConflictFile>) -> ConflictDoc {
    ConflictDoc {
        version: VERSION,
        id: "c1".into(),
        agent: "api".into(),
        attempt: 1,
        onto: "a".repeat(40),
        theirs: "b".repeat(40),
        base: None,
        tree: "c".repeat(40),
        files,
        omitted: 0,
    }
}

fn first(file: &ConflictFile) -> &Hunk {
    file.hunks().next().unwrap()
}

#[test]
fn a_sentence_says_what_each_side_did() {
    let table: &[(&str, &str, &str, &str, Option<Choice>)] = &[
        (
            "x\n",
            "",
            "y\n",
            "The integrated side deletes 1 line that the agent edits.",
            None,
        ),
        (
            "x\nz\n",
            "y\n",
            "",
            "The agent deletes 2 lines that the integrated side edits.",
            None,
        ),
        (
            "x\n",
            "if  y {\n",
            "\tif y {\r\n",
            "Both sides say the same; they differ in blanks and line ends alone.",
            Some(Choice::Ours),
        ),
        (
            "",
            "a\n",
            "a\nb\n",
            "The agent's work has all of the integrated lines and 1 more.",
            Some(Choice::Theirs),
        ),
        (
            "q\n",
            "a\nb\n",
            "b\n",
            "The integrated side has all of the agent's lines and 1 more.",
            Some(Choice::Ours),
        ),
        (
            "",
            "- one\n",
            "- two\n- three\n",
            "Both sides add lines at the end of the file: 1 and 2. Mostly both are wanted.",
            Some(Choice::Union),
        ),
        (
            "",
            "a\nb\n",
            "b\na\n",
            "Both sides add the same lines in another order.",
            Some(Choice::Ours),
        ),
        (
            "f(old, old)\n",
            "f(new, new)\n",
            "f(old, old, 1)\n",
            "The integrated side renames `old` to `new`, the agent edits the same lines: take the \
             agent's and rename in them.",
            None,
        ),
        (
            "f(old, old)\n",
            "f(old + old)\n",
            "f(new, new)\n",
            "The agent renames `old` to `new`, the integrated side edits the same lines: take the \
             integrated ones and rename in them.",
            None,
        ),
        (
            "f(o, o)\n",
            "f(p, p)\n",
            "f(q, q)\n",
            "Both sides rename `o`: to `p` and to `q`.",
            None,
        ),
        (
            "let a = 1; let b = 2;\n",
            "let a = 9; let b = 2;\n",
            "let a = 1; let b = 8;\n",
            "The sides change different words of the same lines: both changes fit together.",
            Some(Choice::Edited("let a = 9; let b = 8;\n".into())),
        ),
        (
            "timeout = 10\n",
            "timeout = 20\n",
            "timeout = 30\n",
            "The same line is changed to different values.",
            None,
        ),
        (
            "a\nb\n",
            "x\nb\nc\n",
            "y\n",
            "2 lines became 3 lines on the integrated side and 1 line in the agent's work.",
            None,
        ),
    ];
    for (base, ours, theirs, text, suggestion) in table {
        let file = file("f", vec![hunk(base, ours, theirs)]);
        let said = guidance(&file, first(&file));
        assert_eq!(said.text, *text);
        assert_eq!(said.suggestion, *suggestion, "{text}");
    }
    // In the midst of a file, and in one that both added.
    let mut middle = file("f", vec![hunk("", "a\n", "b\n"), Piece::Same("z\n".into())]);
    assert!(
        guidance(&middle, first(&middle))
            .text
            .contains("at the same place")
    );
    middle.kind = Kind::BothAdded;
    assert_eq!(
        guidance(&middle, first(&middle)).text,
        "Both sides add this file, and not alike."
    );
}

#[test]
fn the_strategy_follows_clarity_then_policy_then_complexity() {
    let clean = Case {
        facts: Facts::default(),
        clean: true,
        critical: false,
        join: Join::MergeWithRules,
    };
    let touching = Facts {
        overlap: 1_000,
        ..Facts::default()
    };
    let one_line = Facts {
        files: 1,
        open_files: 1,
        hunks: 1,
        open_hunks: 1,
        lines: 1,
        overlap: 1_000,
        ..Facts::default()
    };
    let answered = Facts {
        open_files: 0,
        open_hunks: 0,
        lines: 0,
        ..one_line
    };
    let large = Facts {
        files: 9,
        open_files: 9,
        hunks: 30,
        open_hunks: 30,
        lines: 400,
        ..one_line
    };
    let conflict = |facts| Case {
        facts,
        clean: false,
        ..clean
    };
    assert_eq!(strategy(&clean), Strategy::None);
    // Apart, also in a critical domain.
    assert_eq!(
        strategy(&Case {
            critical: true,
            ..clean
        }),
        Strategy::None
    );
    assert_eq!(
        strategy(&Case {
            facts: touching,
            ..clean
        }),
        Strategy::AutomaticMerge
    );
    assert_eq!(
        strategy(&Case {
            facts: touching,
            critical: true,
            ..clean
        }),
        Strategy::SequentialFallback
    );
    assert_eq!(strategy(&conflict(answered)), Strategy::AutomaticMerge);
    // A conflict that nothing answers is never automatic, however small.
    assert!(complexity(&one_line) < 300, "{}", complexity(&one_line));
    assert_eq!(strategy(&conflict(one_line)), Strategy::GuidedMerge);
    assert!(complexity(&large) >= 700, "{}", complexity(&large));
    assert_eq!(strategy(&conflict(large)), Strategy::HumanReview);
    for facts in [answered, one_line, large] {
        let case = conflict(facts);
        assert_eq!(
            strategy(&Case {
                critical: true,
                ..case
            }),
            Strategy::SequentialFallback
        );
        for join in [Join::FailFast, Join::ManualEscalation] {
            assert_eq!(strategy(&Case { join, ..case }), Strategy::HumanReview);
        }
    }
    assert_eq!(confidence(&Facts::default()), 1_000);
    // As in the table of docs/conflicts.md.
    assert_eq!(complexity(&one_line), 263);
    assert_eq!(complexity(&answered), 181);
    assert_eq!(complexity(&touching), 150);
    assert_eq!(complexity(&large), 797);
}

#[test]
fn facts_count_what_is_open_and_what_is_not_text() {
    let both = hunk("", "a\nb\n", "c\n");
    let mut doc = doc(vec![
        file(
            "Cargo.lock",
            vec![
                both.clone(),
                Piece::Same("x\n".into()),
                hunk("1\n", "2\n", "3\n"),
            ],
        ),
        file("logo.png", Vec::new()),
    ]);
    let mut choices = Choices::default();
    let all = facts(&doc, &choices, 2_000);
    let expect = Facts {
        files: 2,
        open_files: 2,
        hunks: 2,
        open_hunks: 2,
        lines: 3,
        beyond_text: 1,
        generated: 1,
        overlap: 1_000,
    };
    assert_eq!(all, expect);
    let Piece::Hunk(hunk) = both else { panic!() };
    choices.hunk("Cargo.lock".into(), hunk.key, Choice::Both);
    let some = facts(&doc, &choices, 0);
    assert_eq!((some.open_hunks, some.lines, some.open_files), (1, 1, 2));
    choices.whole("Cargo.lock".into(), Whole::Ours);
    choices.whole("logo.png".into(), Whole::Theirs);
    assert!(facts(&doc, &choices, 0).settled());
    doc.omitted = 3;
    assert!(!facts(&doc, &choices, 0).settled());
    assert!(compose(&doc, &choices).is_err());
}

#[test]
fn rules_go_by_plan_order_and_leave_what_they_cannot_answer() {
    let rules = Rules::new(&[
        ("a/*.txt".into(), MergeRule::Union),
        ("a/**".into(), MergeRule::Theirs),
        ("**/*.txt".into(), MergeRule::Ours),
    ])
    .unwrap();
    let of = |path: &[u8]| rules.of(&RepoPath::new(path)).map(|(glob, _)| glob);
    assert_eq!(of(b"a/x.txt"), Some("a/*.txt"));
    assert_eq!(of(b"a/b/x.txt"), Some("a/**"));
    assert_eq!(of(b"b/\xff.txt"), Some("**/*.txt"));
    assert_eq!(of(b"x.txt"), Some("**/*.txt"));
    assert_eq!(of(b"x.md"), None);
    // Lines of a file that is no text cannot be joined.
    let mut doc = doc(vec![file("a/x.txt", Vec::new())]);
    let answers = rules.answer(&mut doc);
    assert_eq!(answers.left, [RepoPath::from("a/x.txt")]);
    assert_eq!(
        (answers.choices, doc.files[0].rule.clone()),
        (Choices::default(), None)
    );
    let error = Rules::new(&[("a/{b".into(), MergeRule::Ours)]).unwrap_err();
    assert!(error.to_string().contains("`a/{b` is no glob"), "{error}");
}

#[test]
fn equal_hunks_of_a_file_are_answered_apart() {
    let text = "<<<<<<<< o\na\n|||||||| b\n========\nb\n>>>>>>>> t\nsame\n".repeat(2);
    let tails = Tails {
        base: "",
        ours: "",
        theirs: "",
    };
    let file = file("f", pieces(&text, 8, tails).unwrap());
    let keys: Vec<&str> = file.hunks().map(|h| h.key.as_str()).collect();
    assert_eq!(keys.len(), 2);
    assert_ne!(keys[0], keys[1]);
    let mut choices = Choices::default();
    choices.hunk("f".into(), keys[0], Choice::Ours);
    let shown = render(&file, &choices.0[&RepoPath::from("f")]);
    assert_eq!(
        shown,
        "a\nsame\n<<<<<<< integrated\na\n||||||| before both\n=======\nb\n>>>>>>> the agent's\nsame\n"
    );
    choices.hunk("f".into(), keys[1], Choice::Theirs);
    let result = compose(&doc(vec![file]), &choices).unwrap();
    let expect = Content::Text {
        mode: 0o100_644,
        text: "a\nsame\nb\nsame\n".into(),
    };
    assert_eq!(result, [("f".into(), expect)]);
}

#[test]
fn a_persons_answer_goes_before_a_rules() {
    let key = |n: &str| n.to_owned();
    let (mut rules, mut person) = (Choices::default(), Choices::default());
    rules.whole("a".into(), Whole::Ours);
    rules.hunk("b".into(), key("1"), Choice::Union);
    rules.hunk("b".into(), key("2"), Choice::Union);
    person.hunk("a".into(), key("1"), Choice::Theirs);
    person.hunk("b".into(), key("2"), Choice::Base);
    let all = person.over(&rules);
    // The person goes into the file that the rule took as a whole.
    assert_eq!(all.0[&RepoPath::from("a")].whole, None);
    assert_eq!(all.of(&"b".into(), "1"), Some(&Choice::Union));
    assert_eq!(all.of(&"b".into(), "2"), Some(&Choice::Base));
    assert_eq!(Choices::default().over(&rules), rules);
}

#[test]
fn half_a_marker_is_no_document() {
    let tails = Tails {
        base: "",
        ours: "",
        theirs: "",
    };
    for text in [
        "<<<<<<<< o\na\n",
        "<<<<<<<< o\n|||||||| b\n",
        "<<<<<<<< o\n========\n>>>>>>>> t\n",
    ] {
        assert_eq!(pieces(text, 8, tails), None, "{text}");
    }
    assert_eq!(marker_size(["", "", ""]), Some(8));
    assert_eq!(marker_size(["==========\n", "<", ""]), Some(11));
}

fn lines() -> impl proptest::strategy::Strategy<Value = String> {
    let line = prop::sample::select(vec![
        "a\n",
        "b\n",
        "c d\n",
        "\n",
        "<<<<<<<\n",
        "=======\r\n",
        "e f_g(1)\n",
    ]);
    prop::collection::vec(line, 0..7).prop_map(|lines| lines.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_path_is_the_same_after_text_and_json(bytes in prop::collection::vec(any::<u8>(), 0..20)) {
        let path = RepoPath::new(bytes);
        prop_assert_eq!(RepoPath::from_text(&path.to_text()), Some(path.clone()));
        let json = serde_json::to_string(&path).unwrap();
        prop_assert_eq!(serde_json::from_str::<RepoPath>(&json).unwrap(), path);
    }

    /// What git writes with markers is read without loss, whatever the texts hold.
    #[test]
    fn marked_text_is_read_without_loss(all in prop::collection::vec((lines(), lines(), lines(), lines()), 1..5)) {
        let texts: Vec<&str> = all.iter().flat_map(|(s, b, o, t)| [s.as_str(), b, o, t]).collect();
        let joined = texts.concat();
        let size = marker_size([&joined, "", ""]).unwrap();
        let mark = |c: char, label: &str| format!("{}{label}\n", c.to_string().repeat(size));
        let mut written = String::new();
        for (same, base, ours, theirs) in &all {
            written += same;
            written += &(mark('<', " o") + ours + &mark('|', " b") + base + &mark('=', "") + theirs + &mark('>', " t"));
        }
        let tails = Tails { base: "\n", ours: "\n", theirs: "\n" };
        let read = pieces(&written, size, tails).unwrap();
        let mut again = Vec::new();
        let mut keys = std::collections::BTreeSet::new();
        for piece in &read {
            match piece {
                Piece::Same(text) => again.push(text.clone()),
                Piece::Hunk(h) => {
                    prop_assert!(keys.insert(h.key.clone()));
                    again.push(format!("{}|{}|{}", h.base, h.ours, h.theirs));
                }
            }
        }
        let expect: Vec<String> = all
            .iter()
            .flat_map(|(s, b, o, t)| [s.clone(), format!("{b}|{o}|{t}")])
            .filter(|s| !s.is_empty())
            .collect();
        prop_assert_eq!(again, expect);
    }

    #[test]
    fn spans_cover_both_texts_and_unchanged_ones_are_alike(a in lines(), b in lines()) {
        let (left, right) = differences(&a, &b);
        let mut kept = [String::new(), String::new()];
        for (i, (text, spans)) in [(&a, &left), (&b, &right)].into_iter().enumerate() {
            let mut at = 0;
            for span in spans {
                prop_assert_eq!(span.range.start, at);
                prop_assert!(span.range.end > at);
                at = span.range.end;
                if !span.changed {
                    kept[i].push_str(&text[span.range.clone()]);
                }
            }
            prop_assert_eq!(at, text.len());
        }
        prop_assert_eq!(&kept[0], &kept[1]);
        prop_assert_eq!(a == b, left.iter().chain(&right).all(|s| !s.changed));
    }

    /// Every line of both is in it, in each side's order, and no other.
    #[test]
    fn a_union_has_the_lines_of_both(a in lines(), b in lines()) {
        let joined = union(&a, &b);
        let has = |side: &str| {
            let mut rest = joined.split_inclusive('\n');
            side.split_inclusive('\n').all(|line| rest.any(|l| l == line))
        };
        prop_assert!(has(&a) && has(&b), "{joined:?}");
        prop_assert!(joined.len() <= a.len() + b.len());
        if a == b {
            prop_assert_eq!(joined, a);
        }
    }

    #[test]
    fn complexity_rises_with_what_is_open_and_stays_in_its_range(
        files in 0u32..50, hunks in 0u32..200, lines in 0u32..100_000, beyond in 0u32..20,
        generated in 0u32..20, overlap in 0u32..=1_000,
    ) {
        let less = Facts {
            files, open_files: files, hunks, open_hunks: hunks, lines, beyond_text: beyond, generated, overlap,
        };
        let at = complexity(&less);
        prop_assert!(at <= 1_000);
        let more = [
            Facts { files: files + 1, open_files: files + 1, ..less },
            Facts { hunks: hunks + 1, open_hunks: hunks + 1, ..less },
            Facts { lines: lines + 1, ..less },
            Facts { beyond_text: beyond + 1, ..less },
            Facts { generated: generated + 1, ..less },
            Facts { overlap: (overlap + 1).min(1_000), ..less },
        ];
        prop_assert!(more.iter().all(|f| complexity(f) >= at));
        // An answer makes it easier, never harder.
        let answered = Facts { open_hunks: hunks / 2, open_files: files / 2, ..less };
        prop_assert!(complexity(&answered) <= at);
    }
}
