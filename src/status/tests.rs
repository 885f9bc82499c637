//! Bad files and what is said of them.

use std::{collections::BTreeSet, fmt::Write as _};

use super::{STATUS_SCHEMA, parse, parse_card, parse_report};

const GOOD: &str = "date: 2026-11-20\ntrack: A\nstatus: on-track\nprogress_percent: 40\n";

fn bad() -> Vec<(&'static str, String)> {
    let with = |more: &str| format!("{GOOD}{more}");
    let without = |key: &str| {
        GOOD.split_inclusive('\n')
            .filter(|l| !l.starts_with(key))
            .collect::<String>()
    };
    let instead = |from: &str, to: &str| GOOD.replace(from, to);
    vec![
        ("empty", String::new()),
        ("comments alone", "# nothing\n\n---\n".into()),
        ("a list", "- a\n- b\n".into()),
        ("a word", "hello\n".into()),
        ("a number", "3\n".into()),
        (
            "json that is cut",
            "{\"date\": \"2026-11-20\", \"track\"".into(),
        ),
        ("no date", without("date")),
        ("no track", without("track")),
        ("no status", without("status")),
        ("no percent", without("progress")),
        ("only a track", "track: A\n".into()),
        ("a misspelt key", with("complet_today: []\n")),
        ("a foreign key", with("weather: fine\n")),
        ("a key twice", with("status: blocked\n")),
        ("an unknown status", instead("on-track", "fine")),
        ("a status that is a list", instead("on-track", "[on-track]")),
        ("a day that is none", instead("2026-11-20", "2026-02-30")),
        ("a day in words", instead("2026-11-20", "today")),
        ("a time", instead("2026-11-20", "2026-11-20T10:00:00Z")),
        ("over 100", instead("40", "140")),
        ("below 0", instead("40", "-1")),
        ("not a number", instead("40", "forty")),
        ("with a sign", instead("40", "40%")),
        ("nan", instead("40", ".nan")),
        ("infinite", instead("40", ".inf")),
        ("an empty track", instead("track: A", "track: \"\"")),
        (
            "a track of nothing visible",
            instead("track: A", "track: \"\\u200b\\u202e\""),
        ),
        ("tabs", with("blockers:\n\t- blocker: x\n")),
        (
            "a wrong indent",
            with("blockers:\n  - blocker: x\n   severity: low\n"),
        ),
        (
            "a blocker that is a word",
            with("blockers: [no database]\n"),
        ),
        (
            "a blocker that says nothing",
            with("blockers:\n  - severity: high\n"),
        ),
        (
            "an unknown severity",
            with("blockers:\n  - blocker: x\n    severity: awful\n"),
        ),
        ("a misspelt blocker key", with("blockers:\n  - bloker: x\n")),
        ("items that are maps", with("completed_today:\n  - a: 1\n")),
        ("items that are a word", with("completed_today: schema\n")),
        ("negative memory", with("resource_usage: {ram_gb: -2}\n")),
        ("memory in words", with("resource_usage: {ram_gb: 5 GiB}\n")),
        (
            "endless hours",
            with("resource_usage: {duration_hours: 1e9}\n"),
        ),
        ("an unknown resource", with("resource_usage: {gpu: 1}\n")),
        (
            "an anchor",
            with("completed_today: &a [x]\nplanned_tomorrow: *a\n"),
        ),
        (
            "a bomb",
            with("completed_today: [&a [x,x], &b [*a,*a,*a], &c [*b,*b,*b]]\n"),
        ),
        (
            "depth",
            with(&format!("completed_today: {}\n", "[".repeat(60))),
        ),
        ("two documents", format!("{GOOD}---\n{GOOD}")),
        ("a colon too many", instead("track: A", "track: A: B")),
        (
            "too many entries",
            with(&format!("completed_today: [{}]\n", "x, ".repeat(150))),
        ),
        (
            "too long",
            with(&format!("# {}\n", "x".repeat(parse::MOST_BYTES))),
        ),
        ("an open quote", with("completed_today: [\"x]\n")),
        (
            "escapes in a message",
            instead("on-track", "\"\\e]0;pwned\\a\\e[31mfine\""),
        ),
        (
            "a report of nobody",
            with("reports:\n  - progress_percent: 3\n"),
        ),
        (
            "a report without a time",
            with("reports:\n  - {agent: api, at: noon}\n"),
        ),
        (
            "a misspelt report key",
            with("reports:\n  - {agent: api, measured: 4}\n"),
        ),
        (
            "several at once",
            "date: x\ntrack: A\nstatus: y\nprogress_percent: 900\n".into(),
        ),
    ]
}

#[test]
fn bad_cards_are_told_apart() {
    let mut all = String::new();
    let bad = bad();
    assert!(bad.len() >= 40);
    for (name, text) in bad {
        let error = match parse_card(&text, "A.yaml") {
            Ok(card) => panic!("{name} was taken: {card:?}"),
            Err(error) => error.to_string(),
        };
        assert!(
            !error
                .chars()
                .any(|c| c != '\n' && (c.is_control() || crate::display::invisible(c))),
            "{name}: {error:?}"
        );
        let _ = writeln!(all, "== {name}\n{error}");
    }
    insta::assert_snapshot!(all);
}

#[test]
fn an_agent_says_what_it_likes_and_no_more() {
    let report = parse_report("progress_percent: 90\nstatus: at_risk\n", "s.yaml", "api").unwrap();
    assert_eq!(report.progress_percent, Some(90));
    assert_eq!(report.status, Some(super::Health::AtRisk));
    assert!(report.doing.is_none() && report.blockers.is_empty());
    let json = "{\"progress_percent\": 12.6, \"completed_today\": [\"a\\u001b[31mb\\nc\"]}";
    let report = parse_report(json, "s.json", "api").unwrap();
    assert_eq!(report.progress_percent, Some(12));
    assert_eq!(report.completed_today, ["ab c"]);
    let error = parse_report("# later\n", "s.yaml", "api").unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("s.yaml: error: it says nothing")
    );
    let of_another = parse_report("agent: web\nprogress_percent: 1\n", "s.yaml", "api");
    assert!(of_another.unwrap_err().to_string().contains("`web`"));
    assert!(parse_report("reports: [{agent: web}]\n", "s.yaml", "api").is_err());
    // What goes into the journal is bounded, and nobody speaks for others.
    let long = format!(
        "doing: {}\ncompleted_today: [{}]\nblockers: [{{blocker: x, by: web}}]\n",
        "y".repeat(5000),
        "z, ".repeat(90)
    );
    let report = parse_report(&long, "s.yaml", "api").unwrap();
    assert!(report.doing.is_some_and(|text| text.len() <= 210));
    assert_eq!(
        (report.completed_today.len(), &*report.blockers[0].by),
        (10, "")
    );
}

#[test]
fn schema_and_parser_know_the_same_keys() {
    let schema: serde_json::Value = serde_json::from_str(STATUS_SCHEMA).unwrap();
    let keys = |table: &serde_json::Value| -> BTreeSet<String> {
        table["properties"]
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect()
    };
    let set = |keys: &[&str]| {
        keys.iter()
            .map(ToString::to_string)
            .collect::<BTreeSet<_>>()
    };
    assert_eq!(keys(&schema), set(&parse::KEYS));
    assert_eq!(
        keys(&schema["properties"]["blockers"]["items"]),
        set(&parse::BLOCKER_KEYS)
    );
    assert_eq!(
        keys(&schema["properties"]["resource_usage"]),
        set(&parse::RESOURCE_KEYS)
    );
    assert_eq!(
        keys(&schema["properties"]["reports"]["items"]),
        set(&super::spoken::SPOKEN_KEYS)
    );
    // And the parser takes each of them.
    for key in parse::KEYS {
        let error = parse_report(&format!("{key}: {{x: [y]}}\n"), "k", "api")
            .unwrap_err()
            .to_string();
        assert!(!error.contains(&format!("unknown key `{key}`")), "{error}");
    }
}
