//! One client and the terminals that it shows: its wishes to the executor, news of them back.
//!
//! Must not keep anything of a terminal: the executor knows who types and who watches.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use crate::{
    executor::{self, JobKey, LocalExecutor, TerminalAsk, TerminalNews, Viewer},
    plan::AgentId,
    runtime::protocol::{FromRunner, TerminalNote, TerminalWish},
};

use super::way::{Out, Way};

/// A client as the executor knows it; its going is told there.
pub(super) struct Terminals {
    executor: Arc<LocalExecutor>,
    viewer: Viewer,
    /// It has asked for something.
    known: bool,
    /// It looks only.
    read_only: bool,
}

impl Terminals {
    pub fn new(executor: Arc<LocalExecutor>, way: &Way, read_only: bool) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let way = way.clone();
        let tell = Arc::new(move |key: &JobKey, news| {
            if let Some(frame) = frame(key, news) {
                way.tell_terminal(frame);
            }
        });
        Self {
            executor,
            viewer: Viewer {
                id: NEXT.fetch_add(1, Ordering::Relaxed),
                tell,
            },
            known: false,
            read_only,
        }
    }

    /// Hands a wish on.
    pub fn ask(&mut self, agent: &str, attempt: u32, wish: TerminalWish, keys: Vec<u8>) {
        let agent = AgentId::from(agent);
        if self.read_only && !matches!(wish, TerminalWish::Watch) {
            // Only the keyboard is asked for by a person who waits for an answer.
            if matches!(wish, TerminalWish::Take) {
                let why = "this client is read-only: it has no keyboard".to_owned();
                let key = JobKey::main(agent, 0);
                (self.viewer.tell)(&key, TerminalNews::Keyboard(Err(why)));
            }
            return;
        }
        self.known = true;
        let ask = match wish {
            TerminalWish::Watch => TerminalAsk::Watch(JobKey::main(agent, attempt)),
            TerminalWish::Take => TerminalAsk::Take(agent),
            TerminalWish::Give => TerminalAsk::Give(agent),
            TerminalWish::Keys => TerminalAsk::Keys(agent, keys),
            TerminalWish::Size { cols, rows } => {
                TerminalAsk::Size(JobKey::main(agent, attempt), cols, rows)
            }
        };
        self.executor.terminal(self.viewer.clone(), ask);
    }
}

impl Drop for Terminals {
    fn drop(&mut self) {
        if self.known {
            self.executor
                .terminal(self.viewer.clone(), TerminalAsk::Leave);
        }
    }
}

fn frame(key: &JobKey, news: TerminalNews) -> Option<Out> {
    let executor::Owner::Agent(agent) = &key.owner else {
        return None;
    };
    let note = match news {
        TerminalNews::Grew(total) => TerminalNote::Grew { total },
        TerminalNews::Resized(offset, cols, rows) => TerminalNote::Resized { offset, cols, rows },
        TerminalNews::Keyboard(Ok(held)) => TerminalNote::Keyboard { held },
        TerminalNews::Keyboard(Err(why)) => TerminalNote::Refused { why },
    };
    let frame = FromRunner::Terminal {
        agent: agent.to_string(),
        attempt: key.attempt,
        note,
    };
    Some(Out::Frame(Box::new(frame), Vec::new()))
}
