use super::*;
use crate::plan::AgentId;

fn all_there(paths: &[&str]) -> Vec<bool> {
    vec![true; paths.len()]
}

fn said(text: &str) -> String {
    let there = &mut |paths: &[&str]| paths.iter().map(|path| *path != "gone.rs").collect();
    match read(text.as_bytes(), "api.1.md", there) {
        Ok(found) => panic!("accepted: {found:?}"),
        Err(error) => error.to_string(),
    }
}

const GOOD: &str = "---\ndone:\n  - Endpoints for carts\n  - 'Tests: 12'\nartefacts: [src/api.rs, ./docs/]\n\
                    open:\n  - Errors have no codes yet\nnext: []\nfacts:\n  port: 80\n  host: \"a b\"\n---\n\n\
                    Carts are *kept* for a day.\n";

#[test]
fn a_complete_one_is_read_and_written_again_without_loss() {
    let mut asked = Vec::new();
    let found = read(GOOD.as_bytes(), "api.1.md", &mut |paths| {
        asked.extend(paths.iter().map(|path| (*path).to_owned()));
        vec![true; paths.len()]
    })
    .unwrap();
    assert_eq!(asked, ["src/api.rs", "docs"]);
    assert_eq!(found.done, ["Endpoints for carts", "Tests: 12"]);
    assert_eq!(found.artefacts, ["src/api.rs", "docs"]);
    assert_eq!(found.open, ["Errors have no codes yet"]);
    assert_eq!(found.facts["port"], "80");
    assert_eq!(found.text, "Carts are *kept* for a day.");
    let kept = render(&found, &AgentId::from("api"), 1, false);
    assert_eq!(
        read(kept.as_bytes(), "x", &mut all_there).unwrap(),
        found,
        "{kept}"
    );
    assert!(kept.contains("# Hand-off of api, attempt 1, written by it.\n"));
}

#[test]
fn what_is_wrong_is_said_with_its_line_and_what_to_do() {
    let matter = |inner: &str| format!("---\n{inner}\n---\n");
    let many = |n: usize| {
        (0..n)
            .map(|n| format!("- x{n}"))
            .collect::<Vec<_>>()
            .join("\n")
    };
    let facts: Vec<String> = (0..51).map(|n| format!("  k{n}: v")).collect();
    let long = "x".repeat(401);
    let cases = [
        (
            "just text".to_owned(),
            "api.1.md:1: it has no front matter; begin with a line `---`",
        ),
        ("\n\nDone.".to_owned(), "api.1.md:3: it has no front matter"),
        (
            "---\ndone: [x]\n".to_owned(),
            "api.1.md:1: the front matter that begins here has no end; put a line `---` below it",
        ),
        (
            matter(""),
            "api.1.md:1: `done` is missing; say what was done",
        ),
        (matter("open: [x]"), "api.1.md:1: `done` is missing"),
        (
            matter("done: []"),
            "api.1.md:1: `done` is empty; say what was done",
        ),
        (
            matter("done: all of it"),
            "api.1.md:2: a list is expected here; write `[one, two]`",
        ),
        (
            matter("done:\n- [a, b]"),
            "api.1.md:3: a text is expected here",
        ),
        (
            matter("done:\n- ''"),
            "api.1.md:3: an entry of `done` is empty; write it out or leave the line out",
        ),
        (
            matter(&format!("done:\n- {long}")),
            "api.1.md:3: an entry of `done` is longer than 400 characters; shorten it",
        ),
        (
            matter(&format!("done:\n{}", many(101))),
            "api.1.md:103: `done` has more than 100 entries",
        ),
        (
            matter("done: [x]\nartifacts: [y]"),
            "api.1.md:3: unknown key `artifacts`; did you mean `artefacts`?",
        ),
        (
            matter("done: [x]\ndone: [y]"),
            "api.1.md:3: the key `done` stands here for the second time; keep one of them",
        ),
        (
            matter("done: [x]\nartefacts: [/etc/passwd]"),
            "api.1.md:3: the artefact `/etc/passwd` is not relative",
        ),
        (
            matter("done: [x]\nartefacts:\n- a/../../b"),
            "api.1.md:4: the artefact `a/../../b` leaves the repository by `..`",
        ),
        (
            matter("done: [x]\nartefacts: [a//b]"),
            "api.1.md:3: the artefact `a//b` is not written as git writes it",
        ),
        (
            matter("done: [x]\nartefacts: [\"a\\eb\"]"),
            "api.1.md:3: the artefact `a` holds characters that a path must not have here",
        ),
        (
            matter("done: [x]\nartefacts: [here.rs, gone.rs]"),
            "api.1.md:3: the artefact `gone.rs` is not in the result; add the file",
        ),
        (
            matter(&format!("done: [x]\nartefacts:\n{}", many(201))),
            "api.1.md:204: `artefacts` has more than 200 paths",
        ),
        (
            matter("done: [x]\nfacts: [port]"),
            "api.1.md:3: keys with values are expected here",
        ),
        (
            matter("done: [x]\nfacts:\n  a b: 1"),
            "api.1.md:4: `a b` cannot be the key of a fact; 1 to 64 letters",
        ),
        (
            matter("done: [x]\nfacts:\n  a: ''"),
            "api.1.md:4: the fact `a` is empty",
        ),
        (
            matter(&format!("done: [x]\nfacts:\n{}", facts.join("\n"))),
            "api.1.md:1: `facts` has more than 50 entries",
        ),
        (
            matter("done: &a [x]\nopen: *a"),
            "api.1.md:2: anchors and aliases are not taken",
        ),
        (
            format!("---\ndone: [x]\n---\n{}", "y".repeat(MOST_BYTES)),
            "api.1.md: it is longer than 65536 bytes; say less",
        ),
        (
            matter("done: [x]\nartefacts: [gone.rs, /x]\nopen: ['']"),
            "(and 2 more)",
        ),
    ];
    for (text, wanted) in cases {
        let said = said(&text);
        assert!(
            said.contains(wanted),
            "{text:.80}\n  said: {said}\nwanted: {wanted}"
        );
    }
}

#[test]
fn bytes_that_are_no_text_are_refused_with_their_line() {
    let error = read(b"---\ndone: [x]\nopen: [\xff]\n---\n", "a", &mut all_there).unwrap_err();
    assert_eq!(error.to_string(), "a:3: it is not UTF-8; write plain text");
}

#[test]
fn what_was_read_cannot_write_into_a_terminal() {
    let text = "---\ndone: [\"\\e[2Jx\\u202Ey\"]\n---\n\x1b]0;title\x07text\x1b[2J\n";
    let found = read(text.as_bytes(), "a", &mut all_there).unwrap();
    let kept = render(&found, &AgentId::from("a"), 1, false);
    assert!(
        kept.chars().all(|c| c == '\n' || !c.is_control()) && !kept.contains('\u{202e}'),
        "{kept:?}"
    );
}

#[test]
fn one_from_facts_says_so_and_is_complete() {
    let mut agent = crate::graph::random::agent("api", 1, 1);
    agent.title = "REST \x1b[2Jendpoints".to_owned();
    let commits = [
        "Add carts".to_owned(),
        "Add carts".to_owned(),
        String::new(),
    ];
    let changed: Vec<String> = (0..205).map(|n| format!("src/{n}.rs")).collect();
    let made = from_facts(&agent, &commits, &changed, 7);
    assert_eq!(made.done, ["REST endpoints", "Add carts"]);
    assert_eq!(made.artefacts.len(), MOST_ARTEFACTS);
    assert!(made.text.contains("12 more changed files"), "{}", made.text);
    let kept = render(&made, &agent.id, 2, true);
    assert!(kept.contains("attempt 2, written from facts."), "{kept}");
    assert_eq!(read(kept.as_bytes(), "x", &mut all_there).unwrap(), made);
}

#[test]
fn the_schema_knows_the_keys() {
    let schema: serde_json::Value = serde_json::from_str(HANDOFF_SCHEMA).unwrap();
    let keys: Vec<&String> = schema["properties"].as_object().unwrap().keys().collect();
    let mut known = KEYS;
    known.sort_unstable();
    assert_eq!(keys, known);
}
