//! News of the run: snapshots, events, readings, output, answers.
//!
//! Must not ask the runner for anything but through what the app wants.

use std::sync::Arc;

use super::{
    App, Dirty, NOTES,
    select::{follow_selection, go_to_what_runs, keep_selection, output_rows},
};
use crate::{
    engine::{Event, Record, Setup, TalkEvent},
    report::history::History,
    resources::{Point, Sensor},
    tui::{
        chart::Chart,
        feed::{Request, Update},
        output::{Diff, OutputBuffer},
        slopes::Slopes,
        ui_state::{Look, Screen, Voice},
        view::{Note, attention, notes},
    },
};

pub(super) fn feed(app: &mut App, news: Update, out: &mut Vec<Request>) {
    // Rows of the report know records, readings and time; anything else makes them anew.
    if matches!(
        news,
        Update::Snapshot(_) | Update::History { .. } | Update::Trend(_)
    ) {
        app.report.take();
        app.status.take();
    }
    match news {
        Update::Snapshot(state) => {
            let known = match (&app.state, &app.chart) {
                (Some(old), Some(_)) => same_plan(&old.setup, &state.setup),
                (None, Some(chart)) => chart.fits(&state.setup),
                (_, None) => false,
            };
            if !known {
                app.chart = Some(Arc::new(Chart::new(&state.setup)));
            }
            app.sensor = Some(Sensor::new(
                state.setup.thresholds,
                state.setup.ram_limit_bytes,
                state.memory.zone,
                state.memory.halted,
                [],
            ));
            // A replay knows all of it already, also what comes after.
            if !app.history_whole {
                app.history = Some(Box::new(History::new(&state)));
                app.history_from = state.seq;
            }
            if app.state.as_ref().is_some_and(|old| old.seq > state.seq) {
                // Back in time: what comes after has not happened yet.
                app.notes.retain(|note| note.seq <= state.seq);
                if let Some(buffer) = &mut app.output {
                    buffer.clear();
                    app.output_wanted = buffer.attempt > 0;
                    app.ui.look = Look::Tail;
                }
                super::search::begin(app);
                app.ui.log_at = None;
                app.sample = None;
                app.slopes = Slopes::default();
            }
            let filter = app.log.filter().clone();
            app.log.reset(filter, state.seq);
            app.log_wanted = true;
            if app.settings.can_act {
                let open = attention::waiting(&state).len();
                app.alerts.found(open, state.attention.last_id);
            }
            app.state = Some(state);
            app.look_at_figures();
            app.lost = None;
            // Whoever sent it does not know any more what was asked for before.
            (app.emulator, app.size_told) = (None, None);
            if app.ui.selected.is_none() {
                keep_selection(app);
            }
            go_to_what_runs(app);
            follow_selection(app);
            app.now();
        }
        Update::Chart(chart) => {
            let state = app.state.as_ref();
            if state.is_none_or(|state| chart.fits(&state.setup)) {
                app.chart = Some(chart);
                app.now();
            }
        }
        Update::Past(records) => {
            // Nothing is told twice, and all in the order in which it happened.
            let mut all: Vec<Note> = app.notes.drain(..).collect();
            all.extend(records.iter().filter_map(notes::note));
            all.sort_by_key(|note| note.seq);
            all.dedup_by_key(|note| note.seq);
            let from = all.len().saturating_sub(NOTES);
            app.notes.extend(all.drain(from..));
            app.now();
        }
        Update::History {
            seq,
            history,
            planned,
        } => {
            app.history_whole = seq == u64::MAX;
            if app.history_whole {
                app.history = Some(history);
            } else if let Some(own) = &mut app.history
                && app.history_from == seq
            {
                own.before(*history);
            }
            app.planned = Some(planned);
            app.now();
        }
        Update::Clock(clock) => {
            app.heading = None;
            app.dirty = app.dirty.max(if clock.playing {
                Dirty::Gauges
            } else {
                Dirty::Now
            });
            if app.clock.replace(clock).is_none() {
                app.settings.keys.replaying();
            }
        }
        Update::Trend(points) => {
            app.trend.before(points);
            app.now();
        }
        Update::Records(records) => {
            let known = app.state.as_ref().map_or(u64::MAX, |state| state.seq);
            for record in &records {
                fold(app, record);
                // A recording calls nobody.
                if let (Event::AttentionRaised(raised), true) =
                    (&record.event, app.settings.can_act)
                {
                    app.alerts.raised(raised);
                }
                if let Event::Talk(talk) = &record.event
                    && matches!(**talk, TalkEvent::BudgetWarned { .. })
                    && app.settings.can_act
                    && let Some(note) = notes::note(record)
                {
                    app.alerts.warned(note.text.clone());
                    app.say(Voice::Bad, note.text);
                }
                doubt_output(app, &record.event);
            }
            remember(app, &records, known);
            if !records.is_empty() {
                app.look_at_figures();
                go_to_what_runs(app);
                // A row that is gone takes the selection to its neighbour.
                let shown = |ix| {
                    let state = app.state.as_ref()?;
                    Some((ix, super::agent::attempt_of(app, state, ix)))
                };
                let attempt = app.selected().and_then(shown);
                if attempt != app.output.as_ref().map(|o| (o.agent, o.attempt)) {
                    follow_selection(app);
                }
                app.now();
            }
        }
        Update::Sample(sample) => {
            if let Some(buffer) = &mut app.output
                && let Ok(at) = sample
                    .agents
                    .binary_search_by_key(&buffer.agent.0, |a| a.agent)
                && sample.agents[at].attempt == buffer.attempt
                && sample.agents[at].output_bytes > buffer.total
            {
                buffer.total = sample.agents[at].output_bytes;
                app.output_wanted = true;
            }
            if let Some(sensor) = &mut app.sensor {
                // What it would tell of zones comes as events, from the runner.
                let _ = sensor.observe(&sample);
            }
            app.trend.push(Point::of(&sample));
            app.slopes.push(&sample);
            app.sample = Some(sample);
            app.look_at_figures();
            app.dirty = app.dirty.max(Dirty::Gauges);
        }
        Update::Output {
            agent,
            attempt,
            offset,
            bytes,
            total,
        } => {
            let look = app.ui.look;
            let ours = |b: &OutputBuffer| b.agent == agent && b.attempt == attempt;
            if app.output.as_ref().is_some_and(ours)
                && super::search::take(app, offset, &bytes, total)
            {
                return;
            }
            if super::terminal::take(app, (agent, attempt), offset, &bytes, total) {
                return;
            }
            if let Some(buffer) = app.output.as_mut().filter(|b| ours(b)) {
                let grew = !bytes.is_empty() || !buffer.loaded;
                buffer.take(offset, &bytes, total, look);
                app.output_wanted |= grew && buffer.wanted(look, output_rows(&app.ui)).is_some();
                app.now();
            }
        }
        news @ (Update::Terminal { .. } | Update::Grew { .. } | Update::Resized { .. }) => {
            super::terminal::news(app, news);
        }
        Update::Keyboard { agent, held } => super::keyboard::told(app, agent, held),
        Update::Log { id, records, from } => {
            app.log_wanted |= app.log.take(id, records, from);
            app.now();
        }
        Update::Diff { result } => {
            app.diff_asked = false;
            app.diff = Some(match result {
                Ok(bytes) => Diff::new(&bytes),
                Err(why) => Diff::none(&why),
            });
            app.now();
        }
        Update::Clash { ask, result } => {
            if app.clash_asked.as_ref() == Some(&ask) {
                let first = app.texts.is_none();
                app.texts = Some(result);
                if first {
                    super::clash::come(app);
                }
                app.now();
            }
        }
        Update::Kept { place, result } => super::edit::kept(app, place, result, out),
        Update::Review { ask, result } => super::review::come(app, &ask, result),
        Update::Evidence {
            owner,
            attempt,
            bytes,
        } => {
            if let Some(evidence) = &mut app.evidence
                && (evidence.owner, evidence.attempt) == (owner, attempt)
            {
                evidence.take(&bytes);
                app.now();
            }
        }
        Update::Check { owner, key, bytes } => {
            if let Some(print) = &mut app.check_print
                && (print.owner, print.key) == (owner, key)
            {
                print.take(&bytes);
                app.now();
            }
        }
        Update::Prompt {
            agent,
            attempt,
            text,
        } => {
            if let Some(prompt) = &mut app.prompt
                && (prompt.agent, prompt.attempt) == (agent, attempt)
            {
                prompt.take(text.as_deref());
                app.now();
            }
        }
        Update::Card {
            track,
            day,
            days,
            text,
        } => super::status::take(app, track, day, days, text),
        Update::Ack { id, result } => {
            let asked = app.asked.remove(&id);
            let (what, done) = asked.unwrap_or_else(|| ("asked".to_owned(), "done".to_owned()));
            match result {
                Ok(()) => app.say(Voice::Good, format!("{what}: {done}")),
                Err(why) => {
                    super::add::answered(app, id, true);
                    app.say(Voice::Bad, format!("{what}: {why}"));
                }
            }
        }
        Update::Gone { reason } => {
            let finished = app.state.as_ref().is_some_and(|s| s.finished.is_some());
            if !finished {
                app.lost = Some(reason);
                app.now();
            }
        }
    }
}

/// Of one recording all states share a setup: a long plan is not compared at each jump.
fn same_plan(old: &Arc<Setup>, new: &Arc<Setup>) -> bool {
    Arc::ptr_eq(old, new) || old.plan == new.plan
}

pub(super) fn fold(app: &mut App, record: &Record) {
    let Some(state) = &mut app.state else { return };
    // What the snapshot contains already is not told twice.
    if record.seq <= state.seq {
        return;
    }
    state.apply(record);
    if let Some(history) = &mut app.history
        && !app.history_whole
    {
        history.push(state, record);
    }
    if app.ui.screen == Screen::Log {
        app.log.push(record);
    }
    super::add::took(app, &record.event);
}

/// Notes what happened after record `known`. A replay sends thousands of records at once: words are
/// made for as many as are kept.
fn remember(app: &mut App, records: &[Record], known: u64) {
    let fresh = records.iter().rev().take_while(|record| record.seq > known);
    let mut notes: Vec<Note> = fresh.filter_map(notes::note).take(NOTES).collect();
    app.notes.extend(notes.drain(..).rev());
    let over = app.notes.len().saturating_sub(NOTES);
    app.notes.drain(..over);
}

/// What an attempt printed last came after the last sample of it.
pub(super) fn doubt_output(app: &mut App, event: &Event) {
    let (Event::AttemptEnded { agent, attempt, .. }, Some(state), Some(buffer)) =
        (event, &app.state, &mut app.output)
    else {
        return;
    };
    if state.find(agent) == Some(buffer.agent) && *attempt == buffer.attempt {
        buffer.doubt();
        app.output_wanted = true;
    }
}
