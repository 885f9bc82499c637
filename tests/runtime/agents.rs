//! Agent programs in whole runs: started through a person's own adapters.

use std::fs;

use wavedeck::runtime::prepare::read_folder;

use super::{rig::Here, together::Repo};

const PLAN: &str = "\
[merge]
end = \"branch\"
[[agent]]
id = \"a\"
prompt = \"Write it down.\"
worker = \"mine:big\"
";

const ADAPTER: &str = "\
id = \"mine\"
program = \"sh\"
start = [\"-c\", 'cat > got.txt; cat ~/.mine.json >> got.txt; echo kept > ~/.mine.json; echo \"$MINE $1\" >> got.txt; echo x > .mine.history', \"mine\", \"@model\"]
model = [\"${model}\"]
ram = \"123MiB\"
leaves = [\".mine.*\"]
writes = [\"~/.mine.json\"]
makes = [{ file = \"~/.mine.json\", holds = \"fresh\\n\" }, { file = \"~/.not.json\", unless = \"HOME\" }]
[env]
set = { MINE = \"said\" }
";

const CHOICE: &str = "\
[worker.bad]
run = \"false\"
capabilities = [\"review\"]
[worker.good]
run = \"cat\"
capabilities = [\"review\"]
[[agent]]
id = \"a\"
prompt = \"Look.\"
capability = \"review\"
workspace = \"shared\"
retry = { attempts = 1 }
";

#[test]
fn a_worker_is_chosen_by_how_it_did_in_earlier_runs() {
    let here = Here::with(CHOICE);
    let first = here.run();
    let chosen = first.events.of("worker.chosen", "a");
    assert_eq!((first.status, &chosen["worker"]), (1, &"bad".into()));
    let before = here.run_dirs();
    let second = here.run();
    // Both may have begun in the same second.
    let runs = here.run_dirs();
    let dir = runs.iter().find(|dir| !before.contains(dir)).unwrap();
    let id = dir.file_name().unwrap().to_str().unwrap();
    let chosen = second.events.of("worker.chosen", "a");
    assert_eq!((second.status, &chosen["worker"]), (0, &"good".into()));
    let bad = &chosen["among"][0];
    assert_eq!((&bad["succeeded"], &bad["ended"]), (&0.into(), &1.into()));
    assert_eq!(bad["chance_permille"], 333);
    let status: serde_json::Value =
        serde_json::from_str(&here.say(&["status", "--json", "--run", id]).out).unwrap();
    assert_eq!(status["agents"][0]["worker"], "good");
    assert_eq!(status["agents"][0]["chosen"]["capability"], "review");
    // What was known then is part of the run.
    let (setup, _) = read_folder(dir).unwrap();
    assert_eq!(setup.past["bad"].ended, 1);
}

#[test]
fn a_program_of_a_persons_own_gets_its_prompt_and_leaves_nothing_of_its_own() {
    let repo = Repo::with(PLAN, &[("a.txt", "a\n")]);
    let file = repo
        .here
        .path()
        .join("home/.config/wavedeck/agents/mine.toml");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, ADAPTER).unwrap();
    let ended = repo.here.run();
    assert_eq!(ended.status, 0, "{}", ended.err);
    let branch = format!("wavedeck/{}", repo.here.run_id());
    let got = repo.git(&["show", &format!("{branch}:got.txt")]);
    assert!(
        got.contains("Write it down.") && got.ends_with("fresh\nsaid big\n"),
        "{got}"
    );
    let home = repo.here.path().join("home");
    let kept = fs::read_to_string(home.join(".mine.json")).unwrap();
    assert_eq!(kept, "kept\n", "it may be changed within the boundary");
    assert!(!home.join(".not.json").exists());
    let files = repo.git(&["ls-tree", "-r", "--name-only", &branch]);
    assert!(
        files.contains("got.txt") && !files.contains(".mine"),
        "{files}"
    );

    // The run knows its programs without the person's files.
    fs::remove_file(&file).unwrap();
    let (setup, config) = read_folder(&repo.here.run_dir()).unwrap();
    assert_eq!(setup.plan.agents[0].modes[0].ram_bytes, 123 << 20);
    assert_eq!(config.catalog().unwrap().get("mine").unwrap().program, "sh");
    let refused = repo.here.say(&["check"]);
    assert_eq!(refused.status, 2);
    assert!(refused.err.contains("unknown worker `mine`"), "{refused}");
}

#[test]
fn a_bad_adapter_is_refused_before_anything_starts() {
    let repo = Repo::with(PLAN, &[("a.txt", "a\n")]);
    let bad = ADAPTER.replace("program", "programm");
    repo.here
        .write("home/.config/wavedeck/agents/mine.toml", &bad);
    let refused = repo.here.say(&["run", "--headless"]);
    assert_eq!(refused.status, 2, "{refused}");
    assert!(
        refused
            .err
            .contains("mine.toml:2:1: error: unknown key `programm`"),
        "{refused}"
    );
    assert!(repo.here.run_dirs().is_empty());
}
