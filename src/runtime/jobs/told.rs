//! From the executor's reports to inputs of the engine.
//!
//! Must not decide: it only translates names and figures.

use crate::{
    engine::{self, Handle, InputKind, Setup, Trouble},
    executor::{self, Report},
    plan::AgentIx,
};

use super::{engine_key, watched};

/// Which of an agent's watched files exist, and whether the last of all, its hand-off, does.
fn left(setup: &Setup, ix: AgentIx, there: &[bool]) -> (Vec<String>, bool) {
    let paths = watched(setup, ix);
    // Of who has a workspace all that was left is looked at anyway.
    let handoff = !setup.own(ix) && there.get(paths.len()) == Some(&true);
    let present = paths.into_iter().zip(there);
    let present = present.filter_map(|(path, there)| there.then_some(path));
    (present.collect(), handoff)
}

/// Turns a report into an input; none where it is only a note.
#[must_use]
pub fn input(setup: &Setup, report: Report) -> Option<InputKind> {
    let key_of = |key: &executor::JobKey| engine_key(setup, key);
    Some(match report {
        Report::Spawned {
            key,
            pid,
            start_time,
        } => InputKind::Spawned {
            key: key_of(&key)?,
            handle: Handle::Local {
                pid,
                start_ticks: start_time,
            },
        },
        Report::SpawnFailed {
            key,
            error: why,
            refused: true,
            ..
        } => InputKind::Refused {
            key: key_of(&key)?,
            why,
        },
        Report::SpawnFailed { key, error, .. } => InputKind::SpawnFailed {
            key: key_of(&key)?,
            error,
        },
        Report::Ended {
            key,
            exit,
            cpu_us,
            maxrss_bytes,
            output_bytes,
            leaked,
            present,
            oom,
            unprepared,
        } => {
            let key = key_of(&key)?;
            let (present, handoff) = match (key.owner, key.check) {
                (engine::Owner::Agent(ix), None) => left(setup, ix, &present),
                _ => (Vec::new(), false),
            };
            InputKind::Ended {
                key,
                exit: match exit {
                    _ if oom => engine::Exit::OutOfMemory,
                    executor::Exit::Code(_) if let Some(why) = unprepared => {
                        engine::Exit::SpawnError(why)
                    }
                    executor::Exit::Code(code) => engine::Exit::Code(code),
                    executor::Exit::Signal { number, name, .. } => {
                        engine::Exit::Signal { number, name }
                    }
                    executor::Exit::Lost => engine::Exit::Lost,
                },
                cpu_us,
                peak_bytes: maxrss_bytes,
                output_bytes,
                leaked,
                present,
                handoff,
            }
        }
        Report::Frozen {
            key,
            stopped,
            total,
            rss_bytes,
        } => InputKind::FrozenTree {
            key: key_of(&key)?,
            stopped,
            total,
            held_bytes: rss_bytes,
        },
        Report::Escalated { key, killed } => InputKind::Trouble {
            key: key_of(&key)?,
            trouble: Trouble::Killed(killed),
        },
        Report::Survives { key, left } => InputKind::Trouble {
            key: key_of(&key)?,
            trouble: Trouble::Survives(left),
        },
        Report::OutputFailed { key, error } => InputKind::Trouble {
            key: key_of(&key)?,
            trouble: Trouble::OutputLost(error),
        },
        // Words need the state: see `heard`. Where it was let go on, the state has too; and the end of
        // everything is for who asked for it.
        Report::Heard { .. } | Report::Thawed { .. } | Report::Stopped => return None,
    })
}
