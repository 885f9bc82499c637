//! From adapters to command lines, and what is wrong with an adapter.

use std::fmt::Write as _;

use super::super::*;

fn wanted<'a>(start: Start, ask: Ask) -> Wanted<'a> {
    Wanted {
        start,
        prompt: "Say \"hi\"\n$HOME ${model}",
        prompt_file: "/run/prompt.md",
        model: Some("m-1"),
        server: None,
        session: "11111111-2222-4333-8444-555555555555",
        ask,
        folder: "/w",
        bounded: true,
    }
}

#[test]
fn programs_are_sent_to_the_server_of_a_model() {
    let mut text = String::new();
    for adapter in Catalog::built_in().iter() {
        let wanted = Wanted {
            server: Some("http://127.0.0.1:9"),
            model: Some("org/m:7b"),
            ..wanted(Start::Resume, Ask::Never)
        };
        let _ = writeln!(text, "{}", adapter.id);
        let start = if adapter.resumes() {
            Start::Resume
        } else {
            Start::Fresh
        };
        match adapter.launch(&Wanted { start, ..wanted }) {
            Ok(launch) => {
                let env = adapter.server_env(&wanted);
                assert!(launch.env.ends_with(&env));
                let _ = writeln!(text, "  {:?}\n  {env:?}", launch.argv);
            }
            Err(why) => {
                let _ = writeln!(text, "  {why}");
            }
        }
    }
    insta::assert_snapshot!(text);
}

#[test]
fn the_command_lines_of_all_adapters() {
    let mut text = String::new();
    for adapter in Catalog::built_in().iter() {
        for start in [Start::Fresh, Start::Resume] {
            for ask in [Ask::Never, Ask::Outside, Ask::Always] {
                let _ = writeln!(text, "{} {start:?} {ask:?}", adapter.id);
                match adapter.launch(&wanted(start, ask)) {
                    Ok(launch) => {
                        let stdin = launch.stdin.map(|b| String::from_utf8(b).unwrap());
                        let _ = writeln!(
                            text,
                            "  {:?}\n  stdin {stdin:?} open {}",
                            launch.argv, launch.open
                        );
                    }
                    Err(why) => {
                        let _ = writeln!(text, "  {why}");
                    }
                }
            }
        }
        let interactive = adapter.interactive(&wanted(Start::Resume, Ask::Outside));
        let _ = writeln!(
            text,
            "{} in a terminal\n  {:?}",
            adapter.id,
            interactive.map(|l| l.argv)
        );
    }
    insta::assert_snapshot!(text);
}

#[test]
fn a_name_cannot_become_an_option_and_a_prompt_stays_one_argument() {
    let claude = Catalog::built_in().get("claude").unwrap();
    for bad in [
        "--dangerously-skip-permissions",
        "",
        "a b",
        "a\nb",
        "\u{1b}[2J",
    ] {
        let mut w = wanted(Start::Fresh, Ask::Never);
        w.model = Some(bad);
        let why = claude.launch(&w).unwrap_err();
        assert!(
            why.ends_with("is no name of a model") && !why.contains('\u{1b}'),
            "{why}"
        );
        let mut w = wanted(Start::Resume, Ask::Never);
        w.session = bad;
        assert!(claude.launch(&w).is_err());
    }
    let cline = Catalog::built_in().get("cline").unwrap();
    let mut w = wanted(Start::Fresh, Ask::Never);
    w.prompt = "--version; ${session}";
    let launch = cline.launch(&w).unwrap();
    assert_eq!(launch.argv.last().unwrap(), " --version; ${session}");
    let long = "x".repeat(200_000);
    w.prompt = &long;
    assert!(cline.launch(&w).unwrap_err().contains("200000 bytes"));
    assert!(claude.launch(&w).is_ok());
}

#[test]
fn without_a_boundary_a_program_is_held_by_its_own_means() {
    let launch = |bounded, ask| {
        let codex = Catalog::built_in().get("codex").unwrap();
        let mut w = wanted(Start::Resume, ask);
        w.bounded = bounded;
        codex.launch(&w).unwrap().argv.join(" ")
    };
    let free = "--dangerously-bypass-approvals-and-sandbox";
    assert!(launch(true, Ask::Outside).contains(free));
    let alone = launch(false, Ask::Outside);
    assert!(alone.contains("sandbox_mode=\"workspace-write\"") && !alone.contains(free));
    // Whoever says never has said so.
    assert!(launch(false, Ask::Never).contains(free));
}

#[test]
fn names_of_sessions_are_uuids_and_always_the_same() {
    let one = session_name("2026-11-20-1", "api", 1);
    assert_eq!(one, session_name("2026-11-20-1", "api", 1));
    assert_ne!(one, session_name("2026-11-20-1", "api", 2));
    assert_eq!(one.len(), 36);
    assert_eq!(&one[14..15], "5");
    assert!("89ab".contains(&one[19..20]));
    // Of the RFC's own example: the name space of names of hosts aside, the form is its.
    assert!(one.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-'));
}

/// Reads one file over the built-in adapters.
fn with(source: &str) -> Result<Catalog, String> {
    let files = [("a.toml".to_owned(), source.to_owned())];
    Catalog::with(&files).map_err(|errors| errors.iter().map(ToString::to_string).collect())
}

#[test]
fn a_file_changes_what_it_states_and_no_more() {
    let all = with("id = \"codex\"\nprogram = \"/opt/codex\"\n[ask]\nalways = [\"-x\"]\n").unwrap();
    let (mine, theirs) = (
        all.get("codex").unwrap(),
        Catalog::built_in().get("codex").unwrap(),
    );
    let mut changed = theirs.clone();
    changed.program = "/opt/codex".to_owned();
    changed.ask[2] = Some(vec!["-x".to_owned()]);
    assert_eq!(*mine, changed);
    let all = with("id = \"big\"\nlike = \"claude\"\nram = \"2GiB\"\n").unwrap();
    assert_eq!(all.get("big").unwrap().stream, Stream::Claude);
    assert_eq!(all.iter().count(), Catalog::built_in().iter().count() + 1);
}

#[test]
fn every_problem_of_a_file_is_named_with_its_place() {
    let source = "\
version = 2
id = \"x\"
programm = \"x\"
stream = \"cluade\"
start = [\"${sesion}\", \"@mode\"]
ram = \"5\"
writes = [\"cache\", \"~/..\"]
[env]
pass = [\"9X\"]
sett = {}
[exits]
0 = { why = \"login\" }
9 = { why = \"loging\" }
";
    insta::assert_snapshot!(with(source).unwrap_err());
    for (source, what) in [
        ("program = \"x\"", "`id` is missing"),
        ("id = \"x\"", "`program` is missing"),
        ("id = \"a b\"\nprogram = \"x\"", "bad id `a b`"),
        (
            "id = \"x\"\nlike = \"claud\"",
            "unknown adapter `claud`, did you mean `claude`?",
        ),
        (
            "id = \"x\"\nprogram = \"x\"\nprompt = \"argument\"",
            "has no \"${prompt}\"",
        ),
        (
            "id = \"x\"\nprogram = \"x\"\nsession = \"chosen\"",
            "`start` has no \"${session}\"",
        ),
        (
            "id = \"x\"\nprogram = \"x\"\nresume = [\"-c\"]",
            "without sessions",
        ),
        (
            "id = \"x\"\nprogram = \"x\"\nquestions = true",
            "questions need",
        ),
        (
            "id = \"x\"\nprogram = \"x\"\nmodel = [\"-m\"]",
            "`model` has no \"${model}\"",
        ),
        ("id = ", "a.toml:1:"),
    ] {
        let found = with(source).unwrap_err();
        assert!(found.contains(what), "{source}: {found}");
    }
}

#[test]
fn the_provider_is_the_programs_or_stands_in_the_model() {
    let of = |id: &str, model| Catalog::built_in().get(id).unwrap().provider_of(model);
    assert_eq!(of("claude", Some("x/y")), "anthropic");
    assert_eq!(of("opencode", Some("openai/gpt-5")), "openai");
    assert_eq!(of("opencode", Some("gpt-5")), "opencode");
    assert_eq!(of("aider", None), "aider");
    assert_eq!(of("aider", Some("gemini/gemini-2.5-pro")), "google");
    assert_eq!(of("opencode", Some("/gpt-5")), "opencode");
}

#[test]
fn places_are_those_of_the_environment() {
    let codex = Catalog::built_in().get("codex").unwrap();
    let env = |name: &str| match name {
        "HOME" => Some("/home/dev".to_owned()),
        "CODEX_HOME" => Some("/srv/codex".to_owned()),
        _ => None,
    };
    assert_eq!(codex.places(&env), ["/home/dev/.codex", "/srv/codex"]);
    assert_eq!(
        codex.logins(&env),
        ["/home/dev/.codex/auth.json", "/srv/codex/auth.json"]
    );
    assert!(codex.places(&|_| None).is_empty());
    assert!(codex.places(&|_| Some("relative".to_owned())).is_empty());
    for open in ["", "/", "//", "/home", "/home/dev/", "/srv/../home/dev"] {
        let env = |name: &str| match name {
            "HOME" => Some("/home/dev".to_owned()),
            _ => Some(open.to_owned()),
        };
        assert_eq!(codex.places(&env), ["/home/dev/.codex"], "{open:?}");
    }
    let opencode = Catalog::built_in().get("opencode").unwrap();
    let empty = |_: &str| Some(String::new());
    assert!(opencode.places(&empty).is_empty());
}
