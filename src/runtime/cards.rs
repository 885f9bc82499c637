//! Writes the daily cards: `status/<date>/<track>.yaml` of the run's folder.
//!
//! A thread is handed a copy of the state and of the newest reading, at most every so often, and
//! never holds the loop up. What others wrote into a card survives, a broken one is put aside. What
//! the disk refuses is said once and tried again with the next card. The 24-hour gate is judged from
//! the same copy; the verdict goes to the loop. Must not decide what follows from it.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{Sender, SyncSender, TrySendError, sync_channel},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use jiff::{civil::Date, tz::TimeZone};

use crate::{
    display::clean_line,
    engine::{Setup, State},
    plan::TrackIx,
    resources::Sample,
    schedule::Planned,
    status::{DayGate, Facts, NO_TRACK, gate, judge, parse_card, standings},
    sys::{lock::private_dir, zone::local_zone},
    tui::feed::Update,
};

use super::{
    past,
    reports::contents,
    turns::{Msg, complain},
};

/// Name of the folder inside a run's folder.
pub const STATUS: &str = "status";
/// A run that is over by then has no card but its last one.
const FIRST: Duration = Duration::from_secs(2);
/// Longest figure of a verdict in the journal, in bytes: it may hold words of agents.
const FIGURE: usize = 300;

/// How often cards are written and the gate is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rhythm {
    /// Time between two cards.
    pub cards: Duration,
    /// Time of the run between two judgements of the gate, µs; 0: never.
    pub gate_us: u64,
}

struct Job {
    state: State,
    sample: Sample,
}

/// Hands the state to the writing thread when a card is due.
pub struct Cards {
    to: Option<SyncSender<Job>>,
    thread: Option<JoinHandle<()>>,
    every: Duration,
    next: Instant,
    /// The last record that is in the cards.
    seq: u64,
}

impl Cards {
    /// Starts the thread; without one there are no cards but the last.
    #[must_use]
    pub fn start(dir: &Path, state: &State, rhythm: Rhythm, to_loop: Sender<Msg>) -> Self {
        let (to, jobs) = sync_channel::<Job>(0);
        let mut writer = Writer {
            dir: dir.to_owned(),
            zone: None,
            planned: None,
            gate_us: rhythm.gate_us,
            judged: judged(dir, state, rhythm.gate_us),
            to_loop,
            day: None,
            complained: false,
        };
        let spawned = thread::Builder::new()
            .name("cards".into())
            .stack_size(512 << 10)
            .spawn(move || {
                while let Ok(job) = jobs.recv() {
                    writer.write(&job.state, Some(&job.sample), job.sample.elapsed_us);
                }
            });
        if let Err(error) = &spawned {
            complain(&format!("status cards are not written: {error}"));
        }
        Self {
            to: spawned.is_ok().then_some(to),
            thread: spawned.ok(),
            every: rhythm.cards,
            next: Instant::now() + FIRST.min(rhythm.cards),
            seq: 0,
        }
    }

    /// Has cards written, if they are due and something is new: an event, or an agent at work.
    pub fn offer(&mut self, state: &State, sample: &Sample) {
        let now = Instant::now();
        let idle = state.seq == self.seq && state.moving == 0;
        // A run that only waits still goes into the next day and past its gate.
        let due = self.next
            + if idle {
                self.every * 10
            } else {
                Duration::ZERO
            };
        let Some(to) = self.to.as_ref().filter(|_| now >= due) else {
            return;
        };
        let job = Job {
            state: state.clone(),
            sample: sample.clone(),
        };
        match to.try_send(job) {
            Ok(()) => {
                self.next = now + self.every;
                self.seq = state.seq;
            }
            // It still writes: the next reading is soon enough, but not a copy each time.
            Err(TrySendError::Full(_)) => self.next = now + self.every / 4,
            Err(TrySendError::Disconnected(_)) => self.to = None,
        }
    }
}

impl Drop for Cards {
    fn drop(&mut self) {
        self.to.take();
        // The last cards are written by somebody else: this thread must not write older ones over.
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Writer {
    dir: PathBuf,
    /// Looked for with the first cards: the first agent shall not wait for it.
    zone: Option<TimeZone>,
    planned: Option<Arc<Planned>>,
    gate_us: u64,
    /// How many times the gate has been judged.
    judged: u64,
    /// The day of the last card.
    day: Option<Date>,
    /// The disk's refusal was said.
    complained: bool,
    to_loop: Sender<Msg>,
}

impl Writer {
    fn write(&mut self, state: &State, sample: Option<&Sample>, now_us: u64) {
        let planned = self
            .planned
            .get_or_insert_with(|| Arc::new(past::planned(&state.setup)))
            .clone();
        let zone = self.zone.get_or_insert_with(local_zone).clone();
        let facts = Facts {
            state,
            sample,
            planned: Some(&planned),
            now_us: now_us.max(state.elapsed_us),
            zone: &zone,
            day: None,
        };
        let today = facts.today();
        // What was done in the last moments of the old day belongs to it.
        let old = self.day.replace(today).filter(|old| *old != today);
        let mut written = Ok(());
        for day in old.into_iter().chain([today]) {
            let of_day = Facts {
                day: Some(day),
                ..facts
            };
            written = written.and(write_day(&self.dir, of_day));
        }
        let due = gate::due(facts.now_us, self.gate_us);
        if due > self.judged && state.finished.is_none() {
            self.judged = due;
            let verdict = judge(facts, &standings(facts));
            written = written.and(self.judge(due, &facts, &verdict));
        }
        match written {
            Ok(()) => self.complained = false,
            Err(error) if !self.complained => {
                self.complained = true;
                complain(&format!("status cards cannot be written: {error}"));
            }
            Err(_) => {}
        }
    }

    /// Tells the loop, which raises or takes back what waits for a person, and keeps the verdict with
    /// all its figures as evidence.
    fn judge(&self, number: u64, facts: &Facts<'_>, verdict: &DayGate) -> io::Result<()> {
        let at = jiff::Timestamp::from_millisecond(facts.now_ms())
            .unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        let path = evidence(&self.dir, number);
        let failed = verdict.failed();
        let failed = failed.iter().map(|f| clean_line(f, FIGURE)).collect();
        let count = u32::try_from(number).unwrap_or(u32::MAX);
        // The loop is gone at the very end only.
        let _ = self.to_loop.send(Msg::Judged(count, failed));
        replace(&path, &verdict.to_yaml(&format!("{at:.0}")))
    }
}

fn evidence(dir: &Path, number: u64) -> PathBuf {
    dir.join("gates").join(format!("day.{number}.yaml"))
}

/// How many times the gate has been judged, as the recording has it. A crash between verdict and
/// record has it judged once more: nothing that failed is lost.
fn judged(dir: &Path, state: &State, gate_us: u64) -> u64 {
    let due = gate::due(state.elapsed_us, gate_us);
    let attention = &state.attention;
    let good = || {
        attention.day_gate().is_none()
            && contents(&evidence(dir, due)).is_ok_and(|text| {
                text.split(|b| *b == b'\n')
                    .any(|line| line == b"passes: true")
            })
    };
    if u64::from(attention.day) >= due || good() {
        due
    } else {
        due - 1
    }
}

/// Writes the cards of the last moment of a run that has ended.
///
/// # Errors
/// When one cannot be written.
pub(super) fn write_last(dir: &Path, state: &State, planned: &Planned) -> io::Result<()> {
    let zone = local_zone();
    let facts = Facts {
        state,
        sample: None,
        planned: Some(planned),
        now_us: state.elapsed_us,
        zone: &zone,
        day: None,
    };
    write_day(dir, facts)
}

fn write_day(dir: &Path, facts: Facts<'_>) -> io::Result<()> {
    let folder = dir.join(STATUS).join(facts.today().to_string());
    private_dir(&folder)?;
    let ours = |id: &str| facts.state.setup.by_id.contains_key(&id.into());
    let mut result = Ok(());
    for standing in standings(facts) {
        let mut card = standing.card;
        let path = folder.join(format!("{}.yaml", card.track));
        match contents(&path) {
            Ok(text) => match parse_card(&String::from_utf8_lossy(&text), &card.track) {
                Ok(old) => card.merge(&old, ours),
                // Nobody's words are thrown away.
                Err(_) => fs::rename(&path, path.with_extension("yaml.broken"))?,
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            // A link or the like stands there: the card takes its place.
            Err(_) => {}
        }
        result = result.and(replace(&path, &card.to_yaml()));
    }
    result
}

/// Puts a text in the place of a file; a reader sees the old one or the new one.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let name = path
        .file_name()
        .map(|n| n.to_string_lossy().into_owned())
        .unwrap_or_default();
    let fresh = path.with_file_name(format!(".{name}.new"));
    let _ = fs::remove_file(&fresh);
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&fresh)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .and_then(|()| fs::rename(&fresh, path));
    if written.is_err() {
        let _ = fs::remove_file(&fresh);
    }
    written
}

/// Answers a dashboard that wants a card's file.
#[must_use]
pub fn answer(dir: &Path, setup: &Setup, track: Option<TrackIx>, day: Option<Date>) -> Update {
    let name = track
        .and_then(|t| setup.plan.tracks.get(t.ix()))
        .map_or(NO_TRACK, |t| t.id.as_str());
    let days = days(dir);
    Update::Card {
        track,
        day,
        // Of the moment: what others have added to the newest file.
        text: day
            .or(days.last().copied())
            .and_then(|day| text(dir, day, name)),
        days,
    }
}

/// The days of which a run has cards, in order.
#[must_use]
pub fn days(dir: &Path) -> Vec<Date> {
    let mut days: Vec<Date> = fs::read_dir(dir.join(STATUS))
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    days.sort_unstable();
    days
}

/// The text of a card as it stands in its file; none where there is none.
#[must_use]
pub fn text(dir: &Path, day: Date, track: &str) -> Option<String> {
    let path = dir
        .join(STATUS)
        .join(day.to_string())
        .join(format!("{track}.yaml"));
    let text = contents(&path).ok()?;
    Some(String::from_utf8_lossy(&text).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{status::Blocker, tui::tests::fixture};

    fn write(dir: &Path, run: &fixture::Run, day: Option<Date>) -> io::Result<()> {
        let sample = run.sample();
        write_day(
            dir,
            Facts {
                state: &run.state,
                sample: Some(&sample),
                planned: None,
                now_us: run.now_us,
                zone: &TimeZone::UTC,
                day,
            },
        )
    }

    #[test]
    fn what_others_wrote_survives_and_what_is_broken_is_put_aside() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        let run = fixture::full();
        write(dir, &run, None).unwrap();
        let today = days(dir)[0];
        let card = |track: &str| {
            let text = text(dir, today, track).unwrap();
            parse_card(&text, "x").unwrap_or_else(|e| panic!("{e}"))
        };
        // Agents without a track have a card too, and no other file is left.
        assert_eq!(card(NO_TRACK).track, NO_TRACK);
        let path = |name: &str| dir.join(STATUS).join(today.to_string()).join(name);
        let files = || fs::read_dir(path("")).unwrap().count();
        assert_eq!(files(), 4);

        let mut by_hand = card("A");
        by_hand.blockers.push(Blocker {
            blocker: "no licence yet".into(),
            severity: crate::status::Severity::Critical,
            resolution_plan: "ask the office".into(),
            by: "office".into(),
        });
        by_hand.blockers.push(Blocker {
            blocker: "made up, by nobody".into(),
            severity: crate::status::Severity::Low,
            resolution_plan: String::new(),
            by: String::new(),
        });
        fs::write(path("A.yaml"), by_hand.to_yaml()).unwrap();
        fs::write(path("B.yaml"), "track: [").unwrap();
        // A card that somebody replaced by a link does not lead elsewhere.
        let outside = dir.join("outside");
        fs::write(&outside, "mine").unwrap();
        fs::remove_file(path("C.yaml")).unwrap();
        std::os::unix::fs::symlink(&outside, path("C.yaml")).unwrap();
        write(dir, &run, None).unwrap();
        write(dir, &run, None).unwrap();
        let whose: Vec<String> = card("A").blockers.into_iter().map(|b| b.by).collect();
        assert_eq!(whose.iter().filter(|by| *by == "office").count(), 1);
        let again = text(dir, today, "A").unwrap();
        assert!(!again.contains("made up"), "facts are made from facts");
        assert_eq!(
            fs::read_to_string(path("B.yaml.broken")).unwrap(),
            "track: ["
        );
        assert_eq!(card("B").track, "B");
        assert_eq!(fs::read_to_string(&outside).unwrap(), "mine");
        assert_eq!(card("C").track, "C");
    }

    #[test]
    fn a_card_is_whole_or_the_one_before_and_a_refusal_harms_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        let run = fixture::full();
        write(dir, &run, None).unwrap();
        let today = days(dir)[0];
        let path = dir.join(STATUS).join(today.to_string());
        let before = text(dir, today, "A").unwrap();
        // The name of the file that is not finished yet is taken by a folder that is not empty.
        fs::create_dir_all(path.join(".A.yaml.new/x")).unwrap();
        assert!(write(dir, &run, None).is_err());
        assert_eq!(text(dir, today, "A").unwrap(), before);
        // The others are written all the same.
        assert!(text(dir, today, "B").is_some());
    }
}
