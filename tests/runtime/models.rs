//! Runs with a model server on this machine: its memory is measured, its model unloaded when the last agent has left it.

use crate::model_server::holds::{Process, Speaks};

use super::{
    outlives::{argv, both_gone, noted},
    rig::{Events, Here, Live},
};

const MIB: u64 = 1 << 20;
/// What the model takes: mapped, and beside that.
const MAPPED: u64 = 224 * MIB;
const OWN: u64 = 64 * MIB;

fn plan(url: &str) -> String {
    format!(
        "[limits]\nagents = 4\n[model.qwen]\napi = \"ollama\"\nurl = \"{url}\"\nname = \"qwen:7b\"\nslots = 2\n\
         [worker.local]\nrun = [\"sh\", \"-c\", \"cat > /dev/null; echo $WAVEDECK_MODEL at $WAVEDECK_MODEL_URL; exec sleep 600\"]\n\
         model = \"qwen\"\n[worker.cloud]\nrun = [\"sh\", \"-c\", \"cat > /dev/null\"]\n\
         [defaults]\nworker = [\"local\", \"cloud\"]\nram = \"8MiB\"\ncpus = 0\nworkspace = \"shared\"\nprompt = \"do\"\n\
         [[agent]]\nid = \"a\"\n[[agent]]\nid = \"b\"\n"
    )
}

fn loaded(events: &Events) -> Option<u64> {
    let loaded = events.all("model.loaded");
    let first = loaded.first()?;
    assert_eq!(
        (&first["model"], &first["by"]),
        (&"qwen".into(), &"measured".into())
    );
    first["bytes"].as_u64()
}

#[test]
fn a_local_model_is_measured_counted_once_and_unloaded_by_the_last_swap() {
    let folder = tempfile::tempdir().unwrap();
    let size = |bytes: u64| usize::try_from(bytes).unwrap();
    let server = Process::start(Speaks::Ollama, folder.path(), size(MAPPED), size(OWN));
    // The run goes on until all is seen.
    let last = "[[agent]]\nid = \"last\"\nrun = [\"sh\", \"-c\", \"while [ ! -e seen ]; do sleep 0.05; done\"]\n";
    let here = Here::with(&(plan(&server.url()) + last));
    let live = here.start();
    let bytes = live.until("the model is measured", loaded);
    assert!((MAPPED + OWN..2 * MAPPED).contains(&bytes), "{bytes}");
    for agent in ["a", "b"] {
        live.hears("agent.started", agent);
    }
    let refused = here.ctl_says("unload qwen");
    assert!(refused.err.contains("qwen is used by a, b"), "{refused:?}");
    here.ctl("swap a cloud");
    live.hears("agent.completed", "a");
    let swapped = live.events();
    let swapped = swapped.of("model.swapped", "a");
    let figure = |event: &serde_json::Value, name: &str| event[name].as_u64().unwrap();
    assert_eq!(
        (&swapped["from"], &swapped["to"]),
        (&"local".into(), &"cloud".into())
    );
    assert_eq!(figure(swapped, "others"), 1);
    assert!(figure(swapped, "later_bytes") >= bytes && figure(swapped, "frees_bytes") < bytes);
    assert!(live.events().all("model.unloading").is_empty());
    here.ctl("swap b cloud");
    live.until("the model is unloaded", |events| {
        (!events.all("model.unloaded").is_empty()).then_some(())
    });
    here.write("seen", "");
    let events = live.end().with(0);
    let swapped = events.of("model.swapped", "b");
    assert!(figure(swapped, "frees_bytes") >= bytes);
    let unloaded = events.all("model.unloaded");
    assert_eq!(unloaded.len(), 1, "{events}");
    // Nine tenths of the server's memory came back, and what was promised came true.
    let freed = figure(unloaded[0], "freed_bytes");
    // Pages of the program itself come and go.
    assert!(
        freed >= (MAPPED + OWN) / 100 * 98 && freed >= bytes / 10 * 9,
        "{freed} of {bytes}"
    );
    let promised = figure(swapped, "frees_bytes");
    assert!(freed >= promised / 10 * 9, "{freed} of {promised}");
    let said = here.output("a.1");
    assert!(
        said.contains(&format!("qwen:7b at {}", server.url())),
        "{said}"
    );
    // What was sampled meanwhile: the servers' bytes are those of the process, beside the agents'.
    let samples = here.read_run("samples.jsonl");
    let most = samples.lines().filter_map(|line| {
        let sample: serde_json::Value = serde_json::from_str(line).ok()?;
        let servers = sample["figures"]["servers_bytes"].as_u64()?;
        let row = &sample["servers"][0];
        assert_eq!(row["resident_bytes"].as_u64(), Some(servers));
        assert!(sample["figures"]["agents_bytes"].as_u64().unwrap() < MAPPED);
        row["loaded"].as_bool()?.then_some(servers)
    });
    assert!(most.max().unwrap() >= MAPPED + OWN);
}

/// Two agents work with a local model; then memory grows short, and both go on elsewhere at once.
#[test]
fn memory_moves_the_agents_of_a_local_model_elsewhere_and_its_memory_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let size = |bytes: u64| usize::try_from(bytes).unwrap();
    let server = Process::start(Speaks::Ollama, folder.path(), size(MAPPED), size(OWN));
    // `a` leaves children in sessions of their own behind.
    let plan = plan(&server.url())
        .replace(
            "slots = 2\n",
            "slots = 2\nram = \"1MiB\"\nram_per_slot = \"1MiB\"\n",
        )
        .replace(
            "[[agent]]\nid = \"a\"\n",
            &format!(
                "[worker.daemons]\nrun = {}\nmodel = \"qwen\"\n\
                 [[agent]]\nid = \"a\"\nworker = [\"daemons\", \"cloud\"]\n",
                argv("exec sleep 600")
            ),
        );
    let others = "[[agent]]\nid = \"gate\"\nrun = [\"sh\", \"-c\", \"while [ ! -e go ]; do sleep 0.05; done\"]\nram = \"1MiB\"\n\
                  [[agent]]\nid = \"large\"\nneeds = [\"gate\"]\nram = \"90MiB\"\n\
                  sim = { duration = \"600s\", ram = \"110MiB\", curve = \"flat\" }\n";
    let here = Here::with(&(plan + others));
    let mut command = here.command(&["run", "--headless", "--json", "--ram", "480MiB"]);
    // Of the run's own limit: the same on machines of any size.
    command
        .env("WAVEDECK_MEMORY_BAND", "70-98")
        .env("WAVEDECK_MEMORY_WINDOW", "1s");
    for (zone, from) in [("YELLOW", "70"), ("ORANGE", "80"), ("RED", "92")] {
        command.env(format!("WAVEDECK_ZONES_{zone}"), from);
    }
    let live = Live::of(command);
    let bytes = live.until("the model is measured", loaded);
    for agent in ["a", "b"] {
        live.hears("agent.started", agent);
    }
    let daemons = [noted(&here, "inner"), noted(&here, "outer")];
    here.write("go", "");
    let measured = live.until("its effect is measured", |events| {
        events
            .all("memory.measured")
            .first()
            .map(|event| (*event).clone())
    });
    both_gone(daemons);
    for agent in ["a", "b"] {
        live.hears("agent.completed", agent);
    }
    here.ctl("stop large");
    let events = live.end();
    let events = &events.events;
    let decided = events.all("memory.adapted")[0].clone();
    assert_eq!(decided["what"], "swap", "{events}");
    assert_eq!(decided["agents"], serde_json::json!(["a", "b"]));
    let figure = |event: &serde_json::Value, name: &str| event[name].as_u64().unwrap();
    for agent in ["a", "b"] {
        assert_eq!(events.of("model.swapped", agent)["cause"], "zone");
        assert_eq!(events.of("agent.scheduled", agent)["mode"], 0);
        let all = events.all_of("agent.scheduled", agent);
        assert_eq!((all.len(), &all[1]["mode"]), (2, &1.into()));
    }
    let unloaded = events.all("model.unloaded");
    let freed = figure(unloaded[0], "freed_bytes");
    assert!(
        freed >= (MAPPED + OWN) / 100 * 98 && freed >= bytes / 10 * 9,
        "{freed} of {bytes}"
    );
    // The effect is what both the server and the agents gave back, and it was told right.
    assert!(figure(&measured, "freed_bytes") >= freed);
    let told = figure(&measured, "told_bytes");
    assert!(
        figure(&measured, "freed_bytes") >= told / 10 * 9,
        "{measured}"
    );
    let short = events.all("resource.shortage");
    assert_eq!(short.len(), 1);
    assert_eq!(short[0]["strategy"], "lightweight_substitution");
    let points = |kind: &str| {
        let all = events.all(kind).into_iter();
        all.filter(|event| event["sync"] == "resource_rebalancing")
            .count()
    };
    assert_eq!(
        (points("sync.started"), points("sync.completed")),
        (1, 1),
        "{events}"
    );
    here.nobody_left();
}

#[test]
fn a_server_that_hangs_holds_nobody_up() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let plan = plan(&url).replace("[\"local\", \"cloud\"]", "[\"quick\"]")
        + "[worker.quick]\nrun = [\"sh\", \"-c\", \"cat > /dev/null\"]\nmodel = \"qwen\"\n";
    let here = Here::with(&plan);
    let events = here.run().with(0);
    assert_eq!(
        [events.ending("a"), events.ending("b")],
        ["completed", "completed"]
    );
}
