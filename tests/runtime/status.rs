//! Agents that report of themselves from their own processes, and the cards that are written.

use std::fs;

use wavedeck::status::{Card, Health, parse_card};

use super::rig::{BIN, Here, wait_for};

/// Every card of the run's last day.
fn cards(here: &Here) -> Vec<Card> {
    let mut days: Vec<_> = fs::read_dir(here.run_dir().join("status"))
        .into_iter()
        .flatten()
        .map(|e| e.unwrap().path())
        .collect();
    days.sort();
    let Some(day) = days.last() else {
        return Vec::new();
    };
    let mut files: Vec<_> = fs::read_dir(day)
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "yaml"))
        .collect();
    files.sort();
    files
        .iter()
        .map(|file| parse_card(&fs::read_to_string(file).unwrap(), "card").unwrap())
        .collect()
}

#[test]
fn agents_report_of_themselves_by_command_and_by_file() {
    let here = Here::with(&format!(
        r#"
        [[track]]
        id = "A"
        [[track]]
        id = "B"
        [[agent]]
        id = "api"
        track = "A"
        duration = "10m"
        run = ["sh", "-c", '''
            {BIN} report-status --progress 30 --doing "writes handlers" --blocker "no database" --severity high
            echo rc=$?
            for i in 1 2 3 4 5 6; do WAVEDECK_AGENT=web {BIN} report-status --progress 99; done
            echo rc=$?
            WAVEDECK_ATTEMPT=7 {BIN} report-status --progress 99
            echo rc=$?
            echo "status: fine" | {BIN} report-status --file -
            echo rc=$?
            while ! test -e end; do sleep 0.02; done''']
        [[agent]]
        id = "web"
        track = "B"
        duration = "10m"
        run = ["sh", "-c", '''
            printf "progress_percent: 50\ndoing: draws\n" > $WAVEDECK_STATUS_FILE
            while ! test -e break; do sleep 0.02; done
            printf "doing: draws\nprogress_percent: much\n" > $WAVEDECK_STATUS_FILE
            while ! test -e end; do sleep 0.02; done''']
        "#
    ));
    let live = here.start();
    live.hears("agent.progress", "api");
    live.hears("agent.progress", "web");
    here.write("break", "");
    let broken = live.until("the broken report is told", |events| {
        let all = events.all_of("agent.progress", "web");
        all.iter()
            .find_map(|e| e["error"].as_str().map(str::to_owned))
    });
    assert!(
        broken.starts_with("web.1.yaml:2:19: error: a number is expected here"),
        "{broken}"
    );
    // Nobody else speaks for an agent, whatever its environment says.
    let stranger = here
        .command(&["report-status", "--progress", "3"])
        .env("WAVEDECK_RUN", here.run_id())
        .env("WAVEDECK_AGENT", "api")
        .env("WAVEDECK_ATTEMPT", "1")
        .output()
        .unwrap();
    assert_eq!(stranger.status.code(), Some(2));
    let said = String::from_utf8(stranger.stderr).unwrap();
    assert!(said.contains("only a process of an agent"), "{said}");
    let status = here.say(&["status"]);
    assert!(status.out.contains("agents say 30 %"), "{status}");
    assert!(status.out.contains("high: no database"), "{status}");
    let digest = here.say(&["digest"]);
    assert!(digest.out.contains("» web says 50 %: draws"), "{digest}");
    wait_for("all four commands have ended", || {
        (here.output("api.1").matches("rc=").count() == 4).then_some(())
    });
    here.write("end", "");
    let events = live.end().with(0);
    let api = events.all_of("agent.progress", "api");
    assert_eq!(api.len(), 1, "{events}");
    assert_eq!(
        (
            &api[0]["progress_percent"],
            &api[0]["via"],
            &api[0]["source"]
        ),
        (&30.into(), &"command".into(), &"api".into())
    );
    let output = here.output("api.1");
    let codes: Vec<&str> = output.lines().filter(|l| l.starts_with("rc=")).collect();
    assert_eq!(codes, ["rc=0", "rc=2", "rc=2", "rc=2"], "{output}");
    for words in [
        "an agent reports of itself alone",
        "attempt 7 is not the one that is on",
        "`fine` is no value of `status`",
    ] {
        assert!(output.contains(words), "{words}: {output}");
    }
    // What it says in another one's name is not counted against that one.
    assert!(!output.contains("too many"), "{output}");
    // The last cards hold what was done, and what agents said beside it.
    let cards = cards(&here);
    let tracks: Vec<&str> = cards.iter().map(|c| c.track.as_str()).collect();
    assert_eq!(tracks, ["A", "B"]);
    assert_eq!(
        (cards[0].status, cards[0].progress_percent),
        (Health::OnTrack, 100)
    );
    assert_eq!(cards[0].completed_today, ["api"]);
    let web = &cards[1].reports[0];
    assert_eq!(
        (web.progress_percent, web.measured_percent),
        (Some(50), Some(100))
    );
    assert!(web.error.as_ref().is_some_and(|e| e.contains("2:19")));
}

#[test]
fn cards_are_written_while_a_run_lasts_and_the_gate_is_judged_in_time() {
    let here = Here::with(
        r#"
        [[agent]]
        id = "a"
        run = "true"
        check = ["false"]
        [[agent]]
        id = "after"
        needs = ["a"]
        run = "true"
        [[agent]]
        id = "long"
        run = ["sh", "-c", "while ! test -e end; do sleep 0.02; done"]
        "#,
    );
    let mut command = here.command(&["run", "--headless", "--json"]);
    command
        .env("WAVEDECK_STATUS_CARD_INTERVAL", "1s")
        .env("WAVEDECK_STATUS_GATE_INTERVAL", "1s");
    let live = super::rig::Live::of(command);
    live.hears("agent.blocked", "a");
    let card = wait_for("a card", || cards(&here).pop());
    assert_eq!(card.agent, "long");
    let evidence = wait_for("the gate's verdict", || {
        let text = here.read_run("gates/day.1.yaml");
        (!text.is_empty()).then_some(text)
    });
    assert!(evidence.contains("passes: "), "{evidence}");
    assert!(evidence.contains("name: no critical blocker"), "{evidence}");
    // What fails reaches a person, and is no matter of a run that is over.
    let day = |events: &super::rig::Events, kind: &str| {
        let all = events.all(kind).into_iter();
        all.filter(|e| e["attention"] == "day_gate").count()
    };
    live.until("it is raised", |events| {
        (day(events, "attention.raised") > 0).then_some(())
    });
    let asks = here.say(&["asks"]);
    assert!(asks.out.contains("24-hour gate"), "{asks}");
    here.write("end", "");
    let events = live.end().with(1);
    let (raised, over) = (
        day(&events, "attention.raised"),
        day(&events, "attention.answered"),
    );
    assert_eq!(raised, over);
}
