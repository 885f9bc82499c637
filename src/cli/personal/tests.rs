use std::os::unix::fs::symlink;

use super::*;

/// A home with these files in its configuration folder.
fn home(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = home.path().join("wavedeck").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    home
}

fn env_of(home: &tempfile::TempDir) -> impl Fn(&str) -> Option<String> {
    let dir = home.path().display().to_string();
    move |name| (name == "XDG_CONFIG_HOME").then(|| dir.clone())
}

#[test]
fn files_of_a_person_lie_over_the_built_in_ones() {
    let home = home(&[
        ("keymap.toml", b"act = [{ on = \"F5\", run = \"pause\" }]\n"),
        ("themes/dark.toml", b"[zone]\nred = { fg = \"#010203\" }\n"),
        (
            "themes/mine.toml",
            b"over = \"light\"\n[zone]\nred = { fg = \"#040506\" }\n",
        ),
        ("themes/broken.toml", b"zone = 3\n"),
        ("themes/notes.txt", b"not a theme"),
    ]);
    let env = env_of(&home);
    assert_ne!(keymap(&env).unwrap(), Keymap::default());
    let dark = theme(&env, "default", Depth::True, false).unwrap();
    let light = Theme::new("light", None, Depth::True, false).unwrap();
    let mine = theme(&env, "mine", Depth::True, false).unwrap();
    assert_ne!(dark.zone.red, Theme::default().zone.red);
    assert_ne!(mine.zone.red, light.zone.red);
    assert_eq!(mine.base, light.base);
    // The picker offers all of them, also the one that is wrong.
    let offered = themes(&env, Depth::True, false);
    let names: Vec<&str> = offered.iter().map(|t| t.name.as_str()).collect();
    let mut all = BUILT_IN.to_vec();
    all.extend(["broken", "mine"]);
    assert_eq!(names, all);
    assert!(offered[0].about.contains("changed by you"));
    let why = offered[6].theme.as_ref().unwrap_err();
    assert!(why.starts_with("broken.toml:1:8: "), "{why}");
    let none = |_: &str| None;
    assert_eq!(keymap(&none).unwrap(), Keymap::default());
}

/// Keymaps that are wrong, each with the one thing.
const KEYMAPS: [(&str, &str); 27] = [
    ("no TOML", "act = [{ on = \"F5\", run = \"pause\" }"),
    (
        "a key twice in a table",
        "act = [{ on = \"F5\", on = \"F6\", run = \"pause\" }]",
    ),
    (
        "an unknown section",
        "acts = [{ on = \"F5\", run = \"pause\" }]",
    ),
    ("a section that is no list", "act = \"F5\""),
    (
        "a section that is a table",
        "[act]\non = \"F5\"\nrun = \"pause\"",
    ),
    ("a binding that is no table", "act = [\"F5\"]"),
    (
        "an unknown key of a binding",
        "act = [{ on = \"F5\", run = \"pause\", color = \"red\" }]",
    ),
    (
        "an unknown action",
        "act = [{ on = \"F5\", run = \"pauze\" }]",
    ),
    (
        "an action that is far from all",
        "act = [{ on = \"F5\", run = \"make_coffee\" }]",
    ),
    (
        "an action of the wrong type",
        "act = [{ on = \"F5\", run = 3 }]",
    ),
    ("no action", "act = [{ on = \"F5\" }]"),
    ("no key", "act = [{ run = \"pause\" }]"),
    (
        "an empty list of keys",
        "act = [{ on = [], run = \"pause\" }]",
    ),
    (
        "a key of the wrong type",
        "act = [{ on = 5, run = \"pause\" }]",
    ),
    (
        "an unknown key name",
        "act = [{ on = \"PageDwn\", run = \"stop\" }]",
    ),
    (
        "a key name of other programs",
        "act = [{ on = \"<C-x>\", run = \"stop\" }]",
    ),
    (
        "a name that is written otherwise",
        "act = [{ on = \"Return\", run = \"open\" }]",
    ),
    (
        "ctrl written otherwise",
        "act = [{ on = \"Ctrl+X\", run = \"stop\" }]",
    ),
    ("shift", "act = [{ on = \"shift-x\", run = \"stop\" }]"),
    (
        "a key that no terminal tells",
        "act = [{ on = \"ctrl-m\", run = \"stop\" }]",
    ),
    (
        "a function key that is not there",
        "act = [{ on = \"F13\", run = \"stop\" }]",
    ),
    (
        "two bindings of one key",
        "act = [{ on = \"y\", run = \"retry\" }]\nshow = [{ on = [\"F2\", \"y\"], run = \"log\" }]",
    ),
    (
        "Ctrl-C taken",
        "act = [{ on = \"ctrl-c\", run = \"stop_run\" }]",
    ),
    (
        "Esc taken from back",
        "act = [{ on = \"Esc\", run = \"pause\" }]",
    ),
    (
        "help taken away",
        "leave = [{ on = \"?\", run = \"nothing\" }]",
    ),
    (
        "a rank out of range",
        "act = [{ on = \"F5\", run = \"pause\", rank = 300 }]",
    ),
    (
        "an unknown need",
        "act = [{ on = \"F5\", run = \"pause\", when = [\"live\", \"dekc\"] }]",
    ),
];

/// Themes that are wrong.
const THEME_FILES: [(&str, &str); 17] = [
    ("no TOML", "[zone\nred = 1"),
    ("an unknown table", "[zones]\nred = { fg = \"red\" }"),
    ("a table that is none", "zone = \"red\""),
    ("an unknown role", "[zone]\nredd = { fg = \"red\" }"),
    ("a role that is no style", "[zone]\nred = \"#ff0000\""),
    (
        "an unknown key of a style",
        "[zone]\nred = { fgg = \"red\" }",
    ),
    (
        "an unknown colour",
        "[zone]\nred = { fg = \"reddish-pink\" }",
    ),
    (
        "a colour with a slip",
        "[zone]\nred = { fg = \"ligth-red\" }",
    ),
    ("too few digits", "[zone]\nred = { fg = \"#ff00\" }"),
    ("no digits", "[zone]\nred = { fg = \"#gg0000\" }"),
    ("a number past 255", "[zone]\nred = { fg = \"256\" }"),
    ("a colour of the wrong type", "[zone]\nred = { fg = true }"),
    (
        "too rich for 16 colours",
        "[zone]\nred = { fg = \"#ff0000\", fg16 = \"#ff0000\" }",
    ),
    (
        "a number past 15",
        "[zone]\nred = { fg = \"red\", bg16 = 16 }",
    ),
    (
        "a flag of the wrong type",
        "[zone]\nred = { bold = \"yes\" }",
    ),
    ("an unknown base", "over = \"ligth\""),
    (
        "a base of one's own, which could lead in a circle",
        "over = \"mine\"",
    ),
];

#[test]
fn every_bad_file_is_told_with_its_place_and_what_to_do() {
    use std::fmt::Write as _;
    let mut out = String::new();
    let mut say = |title: &str, home: &tempfile::TempDir, problem: Problem| {
        let folder = home.path().join("wavedeck").display().to_string();
        let text = problem.whole().replace(&folder, "CONFIG");
        let _ = writeln!(out, "# {title}\n{text}footer: {}\n", problem.line());
        // Something is said about what to do, or what was meant.
        assert!(
            ["help: ", "did you mean", "expected", "is there already"]
                .iter()
                .any(|part| text.contains(part)),
            "{title}: {text}"
        );
    };
    for (title, text) in KEYMAPS {
        let home = home(&[("keymap.toml", text.as_bytes())]);
        let problem = keymap(&env_of(&home)).expect_err(title);
        say(&format!("keymap: {title}"), &home, problem);
    }
    for (title, text) in THEME_FILES {
        let home = home(&[("themes/mine.toml", text.as_bytes())]);
        let problem = theme(&env_of(&home), "mine", Depth::True, false).expect_err(title);
        say(&format!("theme: {title}"), &home, problem);
    }
    // Files that cannot be read as text at all.
    let huge = vec![b'#'; (LIMIT + 1) as usize];
    let odd: [(&str, &[u8]); 2] = [("not UTF-8", b"# fine\nact = \"\xff\""), ("huge", &huge)];
    for (title, bytes) in odd {
        let home = home(&[("keymap.toml", bytes), ("themes/mine.toml", bytes)]);
        let env = env_of(&home);
        say(
            &format!("keymap: {title}"),
            &home,
            keymap(&env).expect_err(title),
        );
        let problem = theme(&env, "mine", Depth::True, false).expect_err(title);
        say(&format!("theme: {title}"), &home, problem);
    }
    let home = home(&[("keymap.toml/inside", b"")]);
    std::fs::create_dir_all(home.path().join("wavedeck/themes")).unwrap();
    symlink("nowhere", home.path().join("wavedeck/themes/link.toml")).unwrap();
    let env = env_of(&home);
    say("keymap: a folder", &home, keymap(&env).unwrap_err());
    for (title, name) in [
        ("theme: a link to nowhere", "link"),
        ("theme: one that is missing", "drak"),
        ("theme: a name that leads out of the folder", "../keymap"),
    ] {
        let problem = theme(&env, name, Depth::True, false).unwrap_err();
        say(title, &home, problem);
    }
    insta::assert_snapshot!("bad_files", out);
}

#[test]
fn hostile_text_of_a_file_stays_text() {
    let text = "act = [{ on = \"\u{1b}]0;x\u{7}\", run = \"pa\u{202e}use\" }]";
    let text = text
        .replace('\u{1b}', "\\u001b")
        .replace('\u{7}', "\\u0007");
    let home = home(&[("keymap.toml", text.as_bytes())]);
    let problem = keymap(&env_of(&home)).unwrap_err();
    for said in [problem.whole(), problem.line()] {
        assert!(
            !said.contains('\u{1b}') && !said.contains('\u{202e}'),
            "{said:?}"
        );
    }
}
