//! What fails, each with its true reason and within its limit.

use std::time::{Duration, Instant};

use super::{HEAD, World, agent, front::Manner, gated, one_of_each};

/// Runs one agent that fails; returns its reason.
fn reason(world: &World, name: &str, limit: Duration) -> String {
    let began = Instant::now();
    let ended = world.start().end();
    let events = &ended.events;
    let took = began.elapsed();
    let ending = events.ending(name);
    assert!(took < limit, "{took:?}: {events}");
    let failed = events.of(&format!("agent.{ending}"), name);
    let reason = failed["reason"].as_str().unwrap_or("").to_owned();
    println!("{name} {ending}: {reason} ({:.1} s)", took.as_secs_f64());
    reason
}

fn alone(name: &str, worker: &str, manner: Manner) -> World {
    let more = "retry = { attempts = 1 }";
    World::with(&[HEAD, &agent(name, worker, more)].concat(), manner)
}

#[test]
fn codex_without_network() {
    if !gated() {
        return;
    }
    let world = alone("codex", "\"codex:tiny\"", Manner::Silent);
    // A port at which nobody listens.
    let config = std::fs::read_to_string(world.home.path().join(".codex/config.toml")).unwrap();
    let nobody = config.replace(&format!(":{}/", world.front.port), ":9/");
    world.file(".codex/config.toml", &nobody);
    // It tries for ever, in longer and longer steps; the built-in limit is 15 minutes.
    let short = "id = \"codex\"\nno_progress = \"20s\"\n";
    world.file(".config/wavedeck/agents/codex.toml", short);
    let said = reason(&world, "codex", Duration::from_secs(90));
    assert!(
        said.contains("network") || said.contains("reach") || said.contains("connect"),
        "{said}"
    );
}

#[test]
fn gemini_without_login() {
    if !gated() {
        return;
    }
    let mut world = alone("gemini", "\"gemini:gemini-tiny\"", Manner::Silent);
    world.without = vec!["GEMINI_API_KEY"];
    world.file(".gemini/settings.json", r#"{"general":{"disableAutoUpdate":true,"enableAutoUpdate":false},"security":{"folderTrust":{"enabled":false}},"telemetry":{"enabled":false}}"#);
    let said = reason(&world, "gemini", Duration::from_mins(1));
    assert!(said.contains("log") || said.contains("sign"), "{said}");
}

#[test]
fn claude_that_says_success_with_an_error() {
    if !gated() {
        return;
    }
    let body = r#"{"type":"error","error":{"type":"invalid_request_error","message":"the model tiny is not here"}}"#;
    let world = alone(
        "claude",
        "\"claude:tiny\"",
        Manner::Refuse(usize::MAX, 400, body),
    );
    let said = reason(&world, "claude", Duration::from_mins(1));
    assert!(said.contains("the model tiny is not here"), "{said}");
}

#[test]
fn opencode_that_is_silent() {
    if !gated() {
        return;
    }
    let world = alone("opencode", "\"opencode:local/tiny\"", Manner::Silent);
    world.file(
        ".config/wavedeck/agents/opencode.toml",
        "id = \"opencode\"\nfirst_output = \"30s\"\nno_progress = \"30s\"\n",
    );
    let said = reason(&world, "opencode", Duration::from_mins(2));
    let of = ["no output for 30 s", "no progress for 30 s"];
    assert!(of.contains(&said.as_str()), "{said}");
}

#[test]
fn a_storm_of_429_over_five_loses_none() {
    if !gated() {
        return;
    }
    let body = r#"{"type":"error","error":{"type":"rate_limit_error","code":429,"status":"RESOURCE_EXHAUSTED","message":"Too many requests"}}"#;
    let plan = one_of_each(true);
    let world = World::with(&plan, Manner::Refuse(25, 429, body));
    let events = world.start().end().with(0);
    for name in ["claude", "codex", "gemini", "opencode", "aider"] {
        assert_eq!(events.ending(name), "completed", "{name}\n{events}");
        world.repo.delivered(&format!("{name}.txt"));
        println!(
            "{name}: {} attempts",
            events.all_of("attempt.ended", name).len()
        );
    }
}
