use std::{fs, path::PathBuf, time::Duration};

use super::*;
use crate::tui::keymap::Keymap;

thread_local! {
    /// The home of this test's environment.
    static HOME: std::cell::RefCell<String> = const { std::cell::RefCell::new(String::new()) };
}

/// The home of the one test whose environment another thread reads.
static WATCHED: std::sync::OnceLock<String> = std::sync::OnceLock::new();

fn env(name: &str) -> Option<String> {
    let home = HOME.with(|h| h.borrow().clone());
    match name {
        "XDG_CONFIG_HOME" => Some(format!("{home}/config")),
        "XDG_STATE_HOME" => Some(format!("{home}/state")),
        "TERM" => Some("xterm-direct".to_owned()),
        "LANG" => Some("C.UTF-8".to_owned()),
        _ => None,
    }
}

fn at(home: &tempfile::TempDir, name: &str) -> PathBuf {
    let path = home.path().join("config/wavedeck").join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    path
}

fn open(home: &tempfile::TempDir) -> Files {
    HOME.with(|h| *h.borrow_mut() = home.path().display().to_string());
    Files::read(Place {
        root: None,
        color: None,
        env,
    })
    .unwrap()
}

fn told(files: &mut Files) -> String {
    let change = files.again().expect("something has changed");
    let (voice, text) = change.told.expect("something is told");
    format!("{voice:?}: {text}")
}

#[test]
fn what_is_saved_holds_at_once_and_what_is_wrong_changes_nothing() {
    let home = tempfile::tempdir().unwrap();
    let mut files = open(&home);
    assert!(files.again().is_none(), "nothing has changed");
    let config = at(&home, "config.toml");
    fs::write(
        &config,
        "[ui]\ntheme = \"light\"\nfps = 10\n[limits]\nagents = 2\n",
    )
    .unwrap();
    assert_eq!(
        told(&mut files),
        "Good: read again: fps, limits from the next run on, theme light"
    );
    let light = files.now.theme.clone();
    assert_eq!((files.now.fps, files.now.name.as_str()), (10, "light"));

    // An error keeps all of it, and says where.
    fs::write(&config, "[ui]\ntheme = \"light\"\nfps = 0\n").unwrap();
    assert_eq!(
        told(&mut files),
        "Bad: config.toml:3:7: expected a whole number from 1 to 120, found integer 0; what was there stays"
    );
    assert_eq!((files.now.fps, &files.now.theme), (10, &light));
    assert!(files.again().is_none(), "it is told once");
    // Keys are read although the configuration is still wrong.
    let keymap = at(&home, "keymap.toml");
    fs::write(&keymap, "act = [{ on = \"F5\", run = \"pause\" }]").unwrap();
    assert!(files.again().is_some());
    assert_ne!(files.now.keymap, Keymap::default());
    let keys = files.now.keymap.clone();
    fs::write(
        &config,
        "[ui]\ntheme = \"light\"\nfps = 10\n[limits]\nagents = 2\n",
    )
    .unwrap();
    assert_eq!(told(&mut files), "Good: config.toml is well again");

    fs::write(&keymap, "act = [\n{ on = \"F5\", run = \"pauze\" }]").unwrap();
    assert_eq!(
        told(&mut files),
        "Bad: keymap.toml:2:20: unknown action `pauze`, did you mean `pause`?; what was there stays"
    );
    assert_eq!(files.now.keymap, keys);
    fs::remove_file(&keymap).unwrap();
    assert_eq!(told(&mut files), "Good: read again: keys");

    // A theme of one's own over the one in use.
    let own = at(&home, "themes/light.toml");
    fs::write(&own, "[zone]\nred = { fg = \"#010203\" }\n").unwrap();
    assert_eq!(told(&mut files), "Good: read again: theme light");
    let mine = files.now.theme.clone();
    assert_ne!(mine, light);
    fs::write(&own, "[zone]\nred = { fg = \"reddish\" }\n").unwrap();
    let said = told(&mut files);
    assert!(
        said.starts_with("Bad: light.toml:2:14: unknown colour `reddish`"),
        "{said}"
    );
    assert_eq!(files.now.theme, mine);
    // It is still offered, with what is wrong.
    assert!(files.now.themes[1].theme.is_err());
}

#[test]
fn a_chosen_theme_is_remembered_until_the_configuration_changes() {
    let home = tempfile::tempdir().unwrap();
    let mut files = open(&home);
    assert!(files.remember("light").is_none());
    assert_eq!(open(&home).now.name, "light");
    // The same file saved again is no change of mind.
    let config = at(&home, "config.toml");
    fs::write(&config, "[ui]\nfps = 20\n").unwrap();
    assert_eq!(told(&mut files), "Good: read again: fps");
    assert_eq!(files.now.name, "light");
    fs::write(&config, "[ui]\ntheme = \"mono\"\n").unwrap();
    assert!(told(&mut files).contains("theme mono"));
    assert_eq!(open(&home).now.name, "mono");
    // One that is gone since does not lock anybody out.
    fs::write(at(&home, "themes/mine.toml"), "over = \"light\"\n").unwrap();
    let mut files = open(&home);
    assert!(files.remember("mine").is_none());
    assert_eq!(open(&home).now.name, "mine");
    fs::remove_file(at(&home, "themes/mine.toml")).unwrap();
    assert_eq!(open(&home).now.name, "mono");
}

/// The thread with its watcher: folders that are made later, files that are replaced, links.
#[test]
fn saving_is_noticed_however_an_editor_does_it() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().display().to_string();
    WATCHED.get_or_init(|| dir);
    let env = |name: &str| match name {
        "XDG_CONFIG_HOME" => Some(format!("{}/config", WATCHED.get()?)),
        "XDG_STATE_HOME" => Some(format!("{}/state", WATCHED.get()?)),
        "TERM" => Some("xterm-direct".to_owned()),
        _ => None,
    };
    let files = Files::read(Place {
        root: None,
        color: None,
        env,
    })
    .unwrap();
    let mut line = watch(files).unwrap();
    let mut next = move |wanted: &str| {
        // Bounded by the test's own time limit: a change that never comes fails it.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        runtime.block_on(async {
            let wait = async {
                loop {
                    let change = line.news.recv().await.expect("the thread lives");
                    if change.now.is_some_and(|now| now.name == wanted) {
                        return;
                    }
                }
            };
            tokio::time::timeout(Duration::from_secs(20), wait)
                .await
                .unwrap_or_else(|_| panic!("{wanted} was not noticed"));
        });
    };
    let theme = |name: &str| format!("[ui]\ntheme = \"{name}\"\n");
    // Neither the file nor its folder was there.
    let config = at(&home, "config.toml");
    fs::write(&config, theme("light")).unwrap();
    next("light");
    // Written in place.
    fs::write(&config, theme("mono")).unwrap();
    next("mono");
    // Put in its place, as editors do.
    let new = at(&home, "config.toml.new");
    fs::write(&new, theme("ansi")).unwrap();
    fs::rename(&new, &config).unwrap();
    next("ansi");
    // A link to a file elsewhere, which is then written there.
    let elsewhere = home.path().join("dotfiles");
    fs::create_dir(&elsewhere).unwrap();
    fs::write(elsewhere.join("deck.toml"), theme("dark")).unwrap();
    fs::remove_file(&config).unwrap();
    std::os::unix::fs::symlink(elsewhere.join("deck.toml"), &config).unwrap();
    next("dark");
    fs::write(elsewhere.join("deck.toml"), theme("high-contrast")).unwrap();
    next("high-contrast");
}
