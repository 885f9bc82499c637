//! From facts to cards: how each track stands at a moment.
//!
//! Pure: the same state, reading and moment give the same cards, live, in replay and on disk.
//! What agents say stands beside what was measured and never in its place. Must not look at a clock.
//!
//! The rules (docs/status-card.md has them in a person's words): a critical blocker makes a track
//! *blocked*; any other from medium upwards, or an agent's own word, makes it *at risk*.

use std::ops::Range;

use jiff::{civil::Date, tz::TimeZone};

use crate::{
    display::clean_line,
    engine::{State, Status},
    plan::{AgentIx, TrackIx},
    resources::Sample,
    schedule::Planned,
};

use super::{
    Card, Health, ResourceUsage, Severity, Spoken,
    blockers::{self, late},
    lines::{listed, names},
};

/// Track of the card of agents that have none: no id, which begin with a letter or digit.
pub const NO_TRACK: &str = "_none";

/// What cards are made from.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The run.
    pub state: &'a State,
    /// The newest reading.
    pub sample: Option<&'a Sample>,
    /// The schedule that the run began with.
    pub planned: Option<&'a Planned>,
    /// The moment (elapsed µs).
    pub now_us: u64,
    /// Where a day begins and ends.
    pub zone: &'a TimeZone,
    /// The day that the cards are of; none: that of the moment.
    pub day: Option<Date>,
}

impl Facts<'_> {
    /// Returns the wall clock of the moment, milliseconds since the epoch.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        let past = self.now_us.saturating_sub(self.state.elapsed_us) / 1000;
        self.state
            .at_ms
            .saturating_add(i64::try_from(past).unwrap_or(i64::MAX))
    }

    /// Returns where that day begins and ends, milliseconds since the epoch.
    fn hours(&self) -> Range<i64> {
        let midnight = |day: Date| {
            let at = day.to_zoned(self.zone.clone()).ok();
            at.map(|at| at.timestamp().as_millisecond())
        };
        let today = self.today();
        let tomorrow = today.tomorrow().ok().and_then(midnight);
        midnight(today).unwrap_or(i64::MIN)..tomorrow.unwrap_or(i64::MAX)
    }

    /// Returns the day that the cards are of.
    #[must_use]
    pub fn today(&self) -> Date {
        self.day.unwrap_or_else(|| day(self.now_ms(), self.zone))
    }
}

/// Returns the day of a wall clock (milliseconds since the epoch).
#[must_use]
pub fn day(at_ms: i64, zone: &TimeZone) -> Date {
    jiff::Timestamp::from_millisecond(at_ms)
        .unwrap_or(jiff::Timestamp::UNIX_EPOCH)
        .to_zoned(zone.clone())
        .date()
}

/// How a track stands: its card, and what only screens need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Which; none: agents without a track.
    pub track: Option<TrackIx>,
    /// Its card.
    pub card: Card,
    /// Progress when the words of agents at work count, 0 to 100; none: nobody said anything.
    pub says_percent: Option<u8>,
    /// When one of them last said something, milliseconds since the epoch.
    pub said_ms: Option<i64>,
    /// Agents by state: done, at work, all.
    pub agents: (usize, usize, usize),
    /// The furthest behind plan, µs; none: nobody is.
    pub late_us: Option<u64>,
}

/// Returns how every track stands, in the plan's order; agents without a track last.
#[must_use]
pub fn standings(facts: Facts<'_>) -> Vec<Standing> {
    let plan = &facts.state.setup.plan;
    let mut members: Vec<Vec<AgentIx>> = vec![Vec::new(); plan.tracks.len() + 1];
    for ix in plan.indices() {
        let track = plan.agent(ix).track.map_or(plan.tracks.len(), TrackIx::ix);
        members[track].push(ix);
    }
    members
        .iter()
        .enumerate()
        .filter(|(_, members)| !members.is_empty())
        .map(|(i, members)| {
            let track = (i < plan.tracks.len()).then(|| TrackIx::of(i));
            standing(facts, track, members)
        })
        .collect()
}

/// Name of a track in cards and files.
#[must_use]
pub fn name(state: &State, track: Option<TrackIx>) -> &str {
    track.map_or(NO_TRACK, |t| state.setup.plan.tracks[t.ix()].id.as_str())
}

fn standing(facts: Facts<'_>, track: Option<TrackIx>, members: &[AgentIx]) -> Standing {
    let state = facts.state;
    let status = |ix: &&AgentIx| state.agent(**ix).status;
    let at_work = |ix: &&AgentIx| status(ix).holds_slot() || status(ix) == Status::Frozen;
    let done = members
        .iter()
        .filter(|ix| status(ix) == Status::Succeeded)
        .count();
    let working: Vec<AgentIx> = members.iter().filter(at_work).copied().collect();
    let shown = if working.is_empty() {
        last_worked(state, members).into_iter().collect()
    } else {
        working.clone()
    };
    let blockers = blockers::of(facts, members);
    let reports = reports(facts, members);
    let worst = blockers.iter().map(|b| b.severity).min();
    let said = members.iter().filter_map(|&ix| said_now(state, ix));
    let health = match worst {
        Some(Severity::Critical) => Health::Blocked,
        Some(Severity::High | Severity::Medium) => Health::AtRisk,
        _ if said.clone().any(|w| w.status > Some(Health::OnTrack)) => Health::AtRisk,
        _ => Health::OnTrack,
    };
    let progress = progress(facts, members, |_| 0);
    let says_percent = said
        .clone()
        .any(|w| w.progress_percent.is_some())
        .then(|| progress_of_words(facts, members));
    let mut card = Card {
        date: facts.today(),
        track: name(state, track).to_owned(),
        agent: names(state, &shown),
        status: health,
        progress_percent: progress,
        completed_today: completed(facts, members),
        planned_tomorrow: planned(facts, members),
        blockers,
        resource_usage: ResourceUsage {
            ram_bytes: ram(facts, members),
            model: models(state, &shown),
            duration_s: in_phase(facts, members, &shown),
        },
        reports,
    };
    card.fit();
    Standing {
        track,
        says_percent,
        said_ms: card.reports.iter().map(|r| r.at_ms).max(),
        agents: (done, working.len(), members.len()),
        late_us: members.iter().filter_map(|&ix| late(facts, ix)).max(),
        card,
    }
}

/// What an agent says of the attempt that is on.
pub(super) fn said_now(state: &State, ix: AgentIx) -> Option<&crate::engine::Words> {
    let agent = state.agent(ix);
    let said = agent.said.as_deref()?;
    (!agent.status.is_final() && said.attempt == agent.attempt && said.at_ms > 0)
        .then_some(&said.words)
}

/// Done work as a share of all, weighed by expected duration (REQUIREMENTS C8, S1): an agent that is
/// done counts whole, one at work by `share` of 1,000. Who is skipped by its own condition is no work;
/// a failure that another agent took care of is done. Where no durations are stated agents count
/// alike. 0 to 100, and 100 only when all of it is done.
fn progress(facts: Facts<'_>, members: &[AgentIx], share: impl Fn(AgentIx) -> u64) -> u8 {
    let state = facts.state;
    let weight = |ix: AgentIx| u128::from(state.mode_of(ix).duration.expected_us);
    let alike = members.iter().all(|&ix| weight(ix) == 0);
    let (mut all, mut part, mut open) = (0, 0, false);
    for &ix in members {
        let agent = state.agent(ix);
        if agent.status == Status::Skipped && agent.by_condition {
            continue;
        }
        let weight = if alike { 1 } else { weight(ix) };
        let done = agent.status == Status::Succeeded
            || (agent.status == Status::Failed && state.handled_above(ix));
        all += weight * 1000;
        part += weight * u128::from(if done { 1000 } else { share(ix).min(1000) });
        open |= !done;
    }
    if all == 0 {
        return if open { 0 } else { 100 };
    }
    let percent = u8::try_from(part * 100 / all).unwrap_or(100);
    if open { percent.min(99) } else { 100 }
}

/// Progress when the words of those at work count.
fn progress_of_words(facts: Facts<'_>, members: &[AgentIx]) -> u8 {
    progress(facts, members, |ix| {
        said_now(facts.state, ix)
            .and_then(|w| w.progress_percent)
            .map_or(0, |p| u64::from(p) * 10)
    })
}

/// The share of an agent's expected time that its attempt has run, 0 to 99: an estimate, since its
/// end is one. 100: it is done; none: it has not begun, or nothing is expected.
#[must_use]
pub fn measured(facts: Facts<'_>, ix: AgentIx) -> Option<u8> {
    let agent = facts.state.agent(ix);
    if agent.status == Status::Succeeded {
        return Some(100);
    }
    agent.live.as_ref()?;
    let expected = facts.state.mode_of(ix).duration.expected_us;
    let ran = u128::from(facts.state.clock_us(ix, facts.now_us));
    let percent = (ran * 100).checked_div(u128::from(expected))?;
    Some(u8::try_from(percent.min(99)).unwrap_or(99))
}

fn reports(facts: Facts<'_>, members: &[AgentIx]) -> Vec<Spoken> {
    let state = facts.state;
    let mut out: Vec<Spoken> = members
        .iter()
        .filter_map(|&ix| {
            let said = state.agent(ix).said.as_deref()?;
            // Of one that is done, what it said on another day is history.
            let old =
                state.agent(ix).status.is_final() && day(said.at_ms, facts.zone) != facts.today();
            let words = &said.words;
            (!old || said.error.is_some()).then(|| Spoken {
                agent: state.id(ix).to_string(),
                at_ms: said.at_ms,
                status: words.status,
                progress_percent: words.progress_percent,
                measured_percent: measured(facts, ix),
                doing: words.doing.clone(),
                completed_today: words.completed_today.clone(),
                planned_tomorrow: words.planned_tomorrow.clone(),
                error: said
                    .error
                    .as_ref()
                    .map(|error| clean_line(error.lines().next().unwrap_or_default(), 300)),
            })
        })
        .collect();
    // The newest first: they stay when there are too many.
    out.sort_by_key(|said| std::cmp::Reverse(said.at_ms));
    out
}

fn completed(facts: Facts<'_>, members: &[AgentIx]) -> Vec<String> {
    let (state, today) = (facts.state, facts.hours());
    let done = members.iter().filter_map(|&ix| {
        let agent = state.agent(ix);
        let mine = agent.status == Status::Succeeded && today.contains(&agent.ended_ms);
        mine.then_some((agent.ended_us.unwrap_or(0), ix))
    });
    listed(state, done.collect())
}

/// Who comes next, by the schedule that the run began with; else as the plan has them.
fn planned(facts: Facts<'_>, members: &[AgentIx]) -> Vec<String> {
    let state = facts.state;
    let next = members.iter().filter_map(|&ix| {
        let waits = matches!(
            state.agent(ix).status,
            Status::Waiting | Status::Ready | Status::BackingOff
        );
        let start = || facts.planned.and_then(|p| p.of(ix)).map(|(start, _)| start);
        waits.then(|| (start().unwrap_or(u64::MAX), ix))
    });
    listed(state, next.collect())
}

/// The agent that has worked, and changed its state last.
fn last_worked(state: &State, members: &[AgentIx]) -> Option<AgentIx> {
    members
        .iter()
        .copied()
        .filter(|&ix| state.agent(ix).attempt > 0)
        .max_by_key(|&ix| (state.agent(ix).since_us, ix))
}

fn models(state: &State, shown: &[AgentIx]) -> Option<String> {
    let mut out: Vec<&str> = Vec::new();
    for &ix in shown {
        if let Some(worker) = state.mode_of(ix).worker {
            let name = state.setup.plan.workers[worker.ix()].name.as_str();
            if !out.contains(&name) {
                out.push(name);
            }
        }
    }
    (!out.is_empty()).then(|| clean_line(out.join(", "), 200))
}

/// Memory of the track's processes; none: nothing was measured.
fn ram(facts: Facts<'_>, members: &[AgentIx]) -> Option<u64> {
    let sample = facts.sample?;
    let mine = members.iter().filter_map(|&ix| {
        let agent = facts.state.agent(ix);
        agent.live.as_ref()?;
        let at = sample
            .agents
            .binary_search_by_key(&ix.0, |a| a.agent)
            .ok()?;
        let read = &sample.agents[at];
        (read.attempt == agent.attempt).then_some(read.counted_bytes())
    });
    Some(mine.sum())
}

/// Time since the first agent of the track began in the phase that is on, in seconds.
fn in_phase(facts: Facts<'_>, members: &[AgentIx], shown: &[AgentIx]) -> Option<u64> {
    let state = facts.state;
    let plan = &state.setup.plan;
    let phase = shown.iter().map(|&ix| plan.agent(ix).phase).min()?;
    let (mut from, mut open, mut ended) = (None, false, None);
    for &ix in members {
        let agent = state.agent(ix);
        // An agent that neither began nor is open says nothing: most of a large plan.
        let tells = agent.started_us.is_some() || agent.ended_us.is_some() || !open;
        if !tells || plan.agent(ix).phase != phase {
            continue;
        }
        from = [from, agent.started_us].into_iter().flatten().min();
        ended = ended.max(agent.ended_us);
        open |= !agent.status.is_final();
    }
    let until = if open { facts.now_us } else { ended? };
    Some(until.saturating_sub(from?) / 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        engine::Zone,
        status::{gate::due, judge},
        tui::tests::fixture::{self, Run},
    };

    use Health::{AtRisk, Blocked, OnTrack};
    use std::fmt::Write as _;

    static UTC: TimeZone = TimeZone::UTC;

    fn facts<'a>(run: &'a Run, sample: &'a Sample, planned: Option<&'a Planned>) -> Facts<'a> {
        Facts {
            state: &run.state,
            sample: Some(sample),
            planned,
            now_us: run.now_us,
            zone: &UTC,
            day: None,
        }
    }

    fn cards(run: &Run) -> Vec<Standing> {
        standings(facts(run, &run.sample(), None))
    }

    fn of<'a>(all: &'a [Standing], track: &str) -> &'a Standing {
        all.iter().find(|s| s.card.track == track).unwrap()
    }

    #[test]
    fn cards_say_how_tracks_stand() {
        let run = fixture::reported();
        let mut text = String::new();
        for standing in cards(&run) {
            let card = &standing.card;
            let _ = writeln!(text, "{}---", card.to_yaml());
            // What is written is read again, whatever agents said.
            let read = crate::status::parse_card(&card.to_yaml(), "x").unwrap();
            assert_eq!((&read.track, &read.reports), (&card.track, &card.reports));
        }
        insta::assert_snapshot!(text);
    }

    #[test]
    fn progress_is_done_work_and_never_all_of_it_too_early() {
        let mut run = fixture::reported();
        let all = cards(&run);
        let (api, schema, other) = (3000, 480, 1800 + 1500 + 600 + 900);
        let a = of(&all, "A");
        assert_eq!(
            u64::from(a.card.progress_percent),
            schema * 100 / (api + schema + other)
        );
        // With the word of `api`, 90 % of its share; measured it has run a part of its time.
        let says = (schema * 100 + api * 90) / (api + schema + other);
        assert_eq!(a.says_percent.map(u64::from), Some(says));
        let said = &a.card.reports[0];
        assert_eq!(said.progress_percent, Some(90));
        assert!(said.measured_percent.is_some_and(|n| (30..90).contains(&n)));
        assert_eq!(of(&all, NO_TRACK).says_percent, None);
        run.done("api");
        let a = of(&cards(&run), "A").clone();
        assert_eq!(a.says_percent, None, "what is done needs no word");
        assert!(a.card.progress_percent < 100);
    }

    #[test]
    fn the_worst_blocker_is_the_status() {
        let mut run = fixture::full();
        let healths =
            |run: &Run| -> Vec<Health> { cards(run).iter().map(|s| s.card.status).collect() };
        // Quiet; tried again; a red check behind which the next phase waits.
        assert_eq!(healths(&run), [AtRisk, AtRisk, Blocked, OnTrack]);
        run.says("api", "blockers: [{blocker: no key, severity: critical}]\n");
        assert_eq!(healths(&run)[0], Blocked);
        run.says("api", "progress_percent: 95\n");
        assert_eq!(healths(&run)[0], AtRisk, "it is taken back");
        run.input(crate::engine::InputKind::Zone {
            zone: Zone::Red,
            halted: true,
            band: crate::engine::InBand::Below,
            step: 0,
        });
        assert_eq!(healths(&run)[3], AtRisk);
        run.input(crate::engine::InputKind::Journal {
            error: Some("no space".into()),
        });
        assert_eq!(healths(&run), [Blocked; 4]);
        // Of a run that has ended nothing can be tried again.
        run.act(crate::engine::Action::Stop { target: None });
        assert!(run.state.finished.is_some());
        for standing in cards(&run) {
            for blocker in &standing.card.blockers {
                assert!(!blocker.resolution_plan.contains("ctl"), "{blocker:?}");
            }
        }
        // A red gate holds back every track with agents behind it.
        let red = crate::tui::tests::watch::red();
        let all = cards(&red);
        assert_eq!(all[0].card.status, Blocked);
        let plan = &all[0].card.blockers[0].resolution_plan;
        assert!(plan.contains("`wavedeck ctl retry phase:build`"), "{plan}");
    }

    #[test]
    fn what_was_done_belongs_to_its_day() {
        let mut run = fixture::full();
        assert_eq!(of(&cards(&run), "A").card.completed_today, ["schema"]);
        let yesterday = facts(&run, &run.sample(), None).today();
        run.wait(14 * 3600);
        run.input(crate::engine::InputKind::Settle);
        let sample = run.sample();
        let now = facts(&run, &sample, None);
        assert_ne!(now.today(), yesterday);
        assert!(standings(now)[0].card.completed_today.is_empty());
        let back = Facts {
            day: Some(yesterday),
            ..now
        };
        assert_eq!(standings(back)[0].card.completed_today, ["schema"]);
    }

    #[test]
    fn who_is_behind_plan_is_told_and_fails_the_gate() {
        let run = fixture::full();
        let sample = run.sample();
        let ix = |id: &str| run.state.find(&id.into()).unwrap();
        let mut planned = Planned {
            spans: vec![None; run.state.agents.len()],
            end_us: 0,
        };
        let verdict = |planned: &Planned| {
            let facts = facts(&run, &sample, Some(planned));
            judge(facts, &standings(facts)).criteria
        };
        let second = 1_000_000;
        // It should have ended 100 s ago and was to take 500: late, but not yet worth a word.
        planned.spans[ix("api").ix()] =
            Some((run.now_us - 600 * second, run.now_us - 100 * second));
        assert_eq!(verdict(&planned)[0].met, Some(true));
        planned.spans[ix("api").ix()] =
            Some((run.now_us - 600 * second, run.now_us - 200 * second));
        let criteria = verdict(&planned);
        assert_eq!(criteria[0].met, Some(false));
        assert_eq!(criteria[0].figure, "track A is ~3m20s behind plan");
        // Memory is yellow; a check of an agent is red and holds up the next phase.
        let rest: Vec<_> = criteria[1..].iter().map(|c| (c.met, &*c.figure)).collect();
        assert_eq!(
            rest,
            [
                (Some(true), "71 % pressure, yellow"),
                (
                    Some(false),
                    "1: ui-style is blocked: check red: exit status 1 (holds up 2)"
                ),
                (Some(false), "1 red: ui-style"),
            ]
        );
        let unknown = judge(facts(&run, &sample, None), &[]);
        assert_eq!(unknown.criteria[0].met, None);
        let day = 24 * 3600 * second;
        let at = |us| due(us, day);
        assert_eq!((at(day - 1), at(day), at(3 * day + 5)), (0, 1, 3));
        assert_eq!(due(day, 0), 0, "switched off");
    }

    #[test]
    #[ignore = "measures"]
    fn speed() {
        let mut plan = crate::graph::random::empty();
        plan.tracks = fixture::billing().tracks;
        for i in 0..10_000 {
            let mut agent = crate::graph::random::agent(&format!("a{i}"), 10, 1);
            agent.track = Some(TrackIx(i % 3));
            plan.agents.push(agent);
        }
        let mut run = Run::new(plan, 200, 64 * fixture::GIB);
        run.wait(1);
        for i in 0..5_000 {
            run.done(&format!("a{i}"));
        }
        let sample = run.sample();
        let start = std::time::Instant::now();
        let all = (0..20).map(|_| standings(facts(&run, &sample, None)).len());
        assert_eq!(all.sum::<usize>(), 60);
        eprintln!("cards of 10,000 agents: {:?}", start.elapsed() / 20);
    }

    #[test]
    fn what_is_said_twice_is_one_event_and_a_broken_report_takes_nothing_away() {
        let mut run = fixture::full();
        let events = |run: &Run| run.records.len();
        run.says("api", "progress_percent: 40\n");
        let after = events(&run);
        run.says("api", "progress_percent: 40\n");
        assert_eq!(events(&run), after);
        run.says("api", "progress_percent: forty\n");
        run.says("api", "progress_percent: forty\n");
        assert_eq!(events(&run), after + 1);
        let said = run.state.agent(run.state.find(&"api".into()).unwrap());
        let said = said.said.as_deref().unwrap();
        assert_eq!(said.words.progress_percent, Some(40));
        assert!(said.error.as_ref().is_some_and(|e| e.contains("1:19")));
        // After a minute the same words say that it is alive; and they mend the error.
        run.wait(61);
        run.says("api", "progress_percent: 40\n");
        assert_eq!(events(&run), after + 2);
        // Who is done is done, and who has not begun cannot report.
        run.says("reindex", "progress_percent: 40\n");
        assert_eq!(events(&run), after + 2);
    }
}
