//! Agent programs in whole runs: started through a person's own adapters.

use std::fs;

use wavedeck::runtime::prepare::read_folder;

use super::together::Repo;

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
start = [\"-c\", 'cat > got.txt; echo \"$MINE $1\" >> got.txt; echo x > .mine.history', \"mine\", \"@model\"]
model = [\"${model}\"]
ram = \"123MiB\"
leaves = [\".mine.*\"]
[env]
set = { MINE = \"said\" }
";

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
        got.contains("Write it down.") && got.ends_with("said big\n"),
        "{got}"
    );
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
