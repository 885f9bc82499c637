//! The question at a run's end, answered on the real dashboard in a real pseudo-terminal; and what is said
//! of the work when the dashboard is left.

use std::process::Command;

use wavedeck::sys::reap::ExitStatus;

use super::{Ground, pty::Terminal};

fn git(ground: &Ground, args: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=u", "-c", "user.email=u@x"])
        .args(args)
        .current_dir(ground.path())
        .env_clear()
        .envs(ground.env())
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .unwrap();
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {args:?}: {err}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A run of two agents on a dashboard.
fn started(ground: &Ground, state: &std::path::Path, end: &str) -> Terminal {
    let plan = format!(
        "version = 1\n[merge]\nend = \"{end}\"\n[defaults]\nworkspace = \"own\"\n\
         [[agent]]\nid = \"one\"\nrun = [\"sh\", \"-c\", \"echo one > one.txt\"]\n\
         [[agent]]\nid = \"two\"\nrun = [\"sh\", \"-c\", \"echo two > two.txt\"]\n"
    );
    ground.write("wavedeck.toml", &plan);
    git(ground, &["init", "--quiet", "--initial-branch=main", "."]);
    git(ground, &["add", "wavedeck.toml"]);
    git(ground, &["commit", "--quiet", "--message=start"]);
    let mut env = ground.env().to_vec();
    env.push(("XDG_STATE_HOME", state.display().to_string()));
    env.push(("GIT_CONFIG_NOSYSTEM", "1".to_owned()));
    Terminal::start_as(ground, &["run", "-y"], &env)
}

/// The branch that the run made.
fn branch(ground: &Ground) -> String {
    let below = [
        "for-each-ref",
        "--format=%(refname:short)",
        "refs/heads/wavedeck",
    ];
    git(ground, &below)
}

#[test]
fn the_question_at_the_end_is_answered_on_the_dashboard() {
    for (key, forward) in [("y", true), ("n", false)] {
        let ground = Ground::new();
        let state = tempfile::tempdir().unwrap();
        let terminal = started(&ground, state.path(), "ask");
        terminal.shows("end of the run");
        let before = git(&ground, &["rev-parse", "main"]);
        terminal.press("!");
        // What is answered is seen first: the question, and all of the work.
        terminal.shows("forward your branch main to it?");
        terminal.shows("one.txt");
        terminal.press(key);
        terminal.shows("ended, status 0");
        terminal.press("q");
        let (status, _, bytes) = terminal.end();
        assert_eq!(status, ExitStatus::Code(0));
        let branch = branch(&ground);
        let main = git(&ground, &["rev-parse", "main"]);
        let there = ground.path().join("one.txt").exists();
        let said = String::from_utf8_lossy(&bytes);
        let (_, after) = said.rsplit_once("\u{1b}[?1049l").unwrap();
        if forward {
            assert_eq!(main, git(&ground, &["rev-parse", &branch]));
            assert!(there);
            assert!(after.contains("main went forward to it"), "{after}");
        } else {
            assert!(main == before && !there);
            let command = format!("git merge {branch}");
            assert!(after.contains(&command), "{after}");
        }
    }
}

#[test]
fn whoever_leaves_the_dashboard_of_an_ended_run_is_told_how_to_take_the_work() {
    let ground = Ground::new();
    let state = tempfile::tempdir().unwrap();
    let terminal = started(&ground, state.path(), "branch");
    terminal.shows("ended, status 0");
    terminal.press("q");
    let (status, _, bytes) = terminal.end();
    assert_eq!(status, ExitStatus::Code(0));
    let said = String::from_utf8_lossy(&bytes);
    let (_, after) = said.rsplit_once("\u{1b}[?1049l").unwrap();
    let command = format!("git merge {}", branch(&ground));
    assert!(after.contains(&command), "{after}");
    git(&ground, &["merge", "--quiet", &branch(&ground)]);
    assert!(ground.path().join("two.txt").exists());
}
