//! Agent programs that speak: sessions, tokens, questions, limits, verdicts; and what they are told.

use wavedeck::{
    agents::{Question, ToolCall, ToolKind, Used, Why},
    engine::{Action, Command, Heard, InputKind, Owner},
    plan::{AgentIx, Work},
};

use super::World;

impl World {
    /// Somebody's program says something, and perhaps a person tells it something.
    pub(super) fn speak(&mut self) {
        let prompts = |key: &wavedeck::engine::JobKey| match key.owner {
            Owner::Agent(ix) if key.check.is_none() => {
                let prompt = matches!(self.state.setup.plan.agent(ix).work, Work::Prompt(_));
                prompt.then_some((ix, key.attempt))
            }
            _ => None,
        };
        let speakers: Vec<(AgentIx, u32)> = self.processes.keys().filter_map(prompts).collect();
        if speakers.is_empty() {
            return;
        }
        let (agent, attempt) = *self.r.pick(&speakers);
        // Nobody hears what is said in a session that a person works in.
        let opened = self.state.agent(agent).opened();
        if opened || self.r.chance(10) {
            let now = self.r.chance(40);
            let agent = self.state.id(agent).to_string();
            match (opened, self.r.chance(30)) {
                (_, true) => self.operator(Action::Close { agent }),
                (false, _) => self.operator(Action::Open { agent, now }),
                (true, false) if self.r.chance(50) => self.operator(Action::Tell {
                    agent,
                    text: "meanwhile".to_owned(),
                    now,
                }),
                (true, false) => {}
            }
            return;
        }
        if self.r.chance(15) {
            let text = format!("say {}", self.records.len());
            let now = self.r.chance(30);
            let agent = self.state.id(agent).to_string();
            self.operator(Action::Tell { agent, text, now });
            return;
        }
        if !self.r.chance(40) {
            return;
        }
        let n = self.r.below(4);
        let heard = match self.r.below(10) {
            0 | 1 => Heard::Session {
                program: "claude".to_owned(),
                id: format!("s{}", agent.0),
                model: None,
            },
            2 | 3 => Heard::Used(Used {
                input: self.now_us / 1_000,
                ..Used::default()
            }),
            4 | 5 => Heard::Asked {
                question: Question {
                    id: format!("q{n}"),
                    text: format!("may I {n}"),
                    call: (n > 0).then(|| ToolCall {
                        id: String::new(),
                        kind: ToolKind::Run,
                        tool: format!("tool{}", n % 2),
                        what: String::new(),
                        paths: Vec::new(),
                        diff: None,
                    }),
                    options: Vec::new(),
                },
                within: self.r.chance(30),
            },
            9 if n == 0 => Heard::Redacted(1),
            9 => Heard::Prompted {
                tokens: self.now_us / 2_000,
                offered: self.now_us / 1_000,
            },
            6 => Heard::AskedNoMore(format!("q{n}")),
            7 => Heard::Limited {
                after_us: self.r.chance(50).then(|| self.r.below(9_000_000)),
                reason: "429".to_owned(),
            },
            8 if n == 0 => Heard::Silent {
                reason: "no progress for 900 s".to_owned(),
            },
            _ => Heard::Verdict {
                why: match n {
                    0 => Some(Why::Limited),
                    1 if self.r.chance(30) => Some(Why::Login),
                    2 if self.r.chance(30) => Some(Why::Error),
                    _ => None,
                },
                reason: "it says so".to_owned(),
            },
        };
        let heard = Box::new(heard);
        self.input(InputKind::Heard {
            agent,
            attempt,
            heard,
        });
    }

    /// A message or an answer is carried to a program, which takes it or does not.
    pub(super) fn carry_words(&mut self, command: Command) {
        let (Command::Tell { key, .. } | Command::Reply { key, .. }) = command else {
            return;
        };
        if !self.processes.contains_key(&key) && self.state.finished.is_none() {
            let starting =
                |k: &InputKind| matches!(k, InputKind::SpawnFailed { key: k, .. } if *k == key);
            if !self.inbox.values().any(starting) {
                self.problems
                    .push(format!("{key:?} is spoken to and does not run"));
            }
        }
        if let (Command::Tell { message, .. }, Owner::Agent(agent)) = (command, key.owner)
            && self.r.chance(50)
        {
            let heard = Box::new(Heard::Told(message));
            let attempt = key.attempt;
            self.later(
                100,
                InputKind::Heard {
                    agent,
                    attempt,
                    heard,
                },
            );
        }
    }
}
