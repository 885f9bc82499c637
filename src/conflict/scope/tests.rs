//! Scopes against brute force.

use proptest::prelude::*;

use super::*;

fn globs(texts: &[&str]) -> Globs {
    Globs::new(texts).unwrap()
}

#[test]
fn a_plain_name_is_a_file_or_a_folder_with_all_below() {
    let inside = |glob: &str, path: &str| globs(&[glob]).inside(path.as_bytes());
    for (glob, path, expected) in [
        ("src/api", "src/api", true),
        ("src/api", "src/api/a/b.rs", true),
        ("src/api", "src/apis", false),
        ("./src/api/", "src/api/x", true),
        ("src/api/", "src/api", false),
        ("crates/*/src", "crates/a/src/lib.rs", true),
        ("crates/*/src", "crates/a/b/src/lib.rs", false),
        ("src/*", "src/a", true),
        ("src/*", "src/a/b", false),
        ("src/*.rs", "src/a.rs", true),
        ("src/**", "src/a/b", true),
        ("**/*.md", "a.md", true),
        ("**/*.md", "a/b/c.md", true),
        ("{a,b}/x{,.y}", "b/x", true),
        ("{a,b}/x{,.y}", "a/x.y", true),
        (".", "any/thing", true),
        ("a[0-9]", "a7", true),
        ("a[!0-9]", "a7", false),
        ("docs/\\*", "docs/*", true),
        ("docs/\\*", "docs/a", false),
    ] {
        assert_eq!(inside(glob, path), expected, "{glob} {path}");
    }
    // Bytes that are no UTF-8.
    assert!(globs(&["src/*"]).inside(b"src/\xff\xfe"));
    assert!(!globs(&[]).inside(b"a"));
    assert!(Globs::new(&["a[b"]).is_err());
    assert!(Globs::new(&["a{b"]).is_err());
}

#[test]
fn overlaps_name_the_globs_and_a_path() {
    let a = globs(&["src/api/**", "Cargo.toml", "docs/*.md"]);
    let b = globs(&["src/*/mod.rs", "Cargo.*", "docs/[!a-z]*"]);
    let found: Vec<(String, String, String)> = a
        .overlaps(&b)
        .into_iter()
        .map(|o| (o.ours.into(), o.theirs.into(), o.example.unwrap()))
        .collect();
    let row = |a: &str, b: &str, c: &str| (a.to_owned(), b.to_owned(), c.to_owned());
    assert_eq!(
        found,
        [
            row("src/api/**", "src/*/mod.rs", "src/api/mod.rs"),
            row("Cargo.toml", "Cargo.*", "Cargo.toml"),
            row("docs/*.md", "docs/[!a-z]*", "docs/.md"),
        ]
    );
    assert!(
        globs(&["src"])
            .overlaps(&globs(&["tests", "srcs"]))
            .is_empty()
    );
    // `.` and `..` are no names.
    assert!(globs(&["?"]).overlaps(&globs(&["."])).len() == 1);
    assert!(globs(&["a/?"]).overlaps(&globs(&["a/\\."])).is_empty());
}

#[test]
fn globs_that_are_too_large_count_as_overlapping() {
    let long = "{a,b}".repeat(400);
    let found = globs(&[&long]).overlaps(&globs(&[&long]));
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].example, None);
}

#[test]
fn a_scope_that_is_not_stated_lets_all_be_written_and_overlaps_with_none() {
    let none = Scope::new::<&str>(&[], &[]).unwrap();
    let some = Scope::new(&["src"], &["docs"]).unwrap();
    assert!(none.may_write(b"x") && !none.reads(b"x"));
    assert!(none.overlaps(&some).is_empty() && some.overlaps(&none).is_empty());
    assert!(some.reads(b"docs/a") && some.reads(b"src/a") && !some.reads(b"x"));
    let changed = [b"src/a".to_vec(), b"b".to_vec(), b"srcs".to_vec()];
    assert_eq!(some.outside(&changed), [&changed[1], &changed[2]]);
    assert_eq!(some.overlaps(&some.clone()).len(), 1);
}

/// Every well-formed path of up to five bytes over a small alphabet.
fn paths() -> Vec<String> {
    let mut all: Vec<String> = vec![String::new()];
    let mut last = all.clone();
    for _ in 0..5 {
        last = last
            .iter()
            .flat_map(|p| ["a", "b", ".", "/"].map(|c| format!("{p}{c}")))
            .collect();
        all.extend(last.iter().cloned());
    }
    all.retain(|p| p.split('/').all(|part| !matches!(part, "" | "." | "..")));
    all
}

fn glob() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => Just("a".to_owned()),
        2 => Just("b".to_owned()),
        1 => Just(".".to_owned()),
        3 => Just("/".to_owned()),
        2 => Just("*".to_owned()),
        1 => Just("?".to_owned()),
        2 => Just("**/".to_owned()),
        2 => Just("/**".to_owned()),
        1 => Just("**".to_owned()),
        1 => Just("[ab]".to_owned()),
        1 => Just("[!a]".to_owned()),
        1 => Just("{a,b/a}".to_owned()),
        1 => Just("{**/a,b*}".to_owned()),
        1 => Just("{,b}".to_owned()),
        1 => Just("{a/**,b}".to_owned()),
    ];
    proptest::collection::vec(piece, 1..6).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..Default::default() })]

    /// A common path is found exactly when there is one: against all short paths, judged by `globset`.
    #[test]
    fn overlaps_agree_with_brute_force(a in glob(), b in glob()) {
        thread_local!(static PATHS: Vec<String> = paths());
        let (one, two) = (globs(&[&a]), globs(&[&b]));
        let short = PATHS.with(|paths| {
            paths
                .iter()
                .find(|p| one.inside(p.as_bytes()) && two.inside(p.as_bytes()))
                .cloned()
        });
        let found = one.overlaps(&two);
        match found.first() {
            None => prop_assert_eq!(short, None, "{} {}", a, b),
            Some(overlap) => {
                let path = overlap.example.clone().unwrap();
                prop_assert!(one.inside(path.as_bytes()) && two.inside(path.as_bytes()), "{} {}: {}", a, b, path);
                prop_assert!(path.split('/').all(|p| !matches!(p, "" | "." | "..")), "{}", path);
                // A shortest one.
                if let Some(short) = short {
                    prop_assert!(path.len() <= short.len(), "{} {}: {} {}", a, b, path, short);
                }
            }
        }
    }
}
