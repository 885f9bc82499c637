//! The session of an agent program: its messages and what it has used, in a file that outlives the process.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use super::{Call, Program, client::Reply, unique};

/// A conversation. Its messages have a `role`; an answer may have a `call`, what a tool gave back has the `id` of that.
pub struct Session {
    pub id: String,
    path: PathBuf,
    pub messages: Vec<Value>,
    /// Tokens of the whole session: input, output.
    pub used: (u64, u64),
}

impl Session {
    /// A new one.
    pub fn begin(folder: &Path, id: &str) -> Self {
        Self {
            id: id.to_owned(),
            path: folder.join(format!("{id}.json")),
            messages: Vec::new(),
            used: (0, 0),
        }
    }

    /// A new one of the name that the program was given, or of its own.
    pub fn named(folder: &Path, program: &Program) -> Self {
        let id = (program.option("--session-id")).map_or_else(unique, str::to_owned);
        Self::begin(folder, &id)
    }

    /// One that is there.
    pub fn open(folder: &Path, id: &str) -> Option<Self> {
        let mut session = Self::begin(folder, id);
        let text = fs::read(&session.path).ok()?;
        let kept: Value = serde_json::from_slice(&text).ok()?;
        session.messages.clone_from(kept["messages"].as_array()?);
        session.used = (kept["input"].as_u64()?, kept["output"].as_u64()?);
        Some(session)
    }

    fn keep(&self) {
        let kept = json!({"messages": self.messages, "input": self.used.0, "output": self.used.1});
        fs::create_dir_all(self.path.parent().unwrap()).unwrap();
        // Whole or not at all: it may be ended at any time.
        let new = self.path.with_extension("new");
        fs::write(&new, kept.to_string()).unwrap();
        fs::rename(&new, &self.path).unwrap();
    }

    pub fn user(&mut self, text: &str) {
        self.messages.push(json!({"role": "user", "text": text}));
        self.keep();
    }

    /// Takes an answer.
    pub fn reply(&mut self, reply: &Reply) {
        let mut message = json!({"role": "assistant", "text": reply.text});
        if let Some(call) = &reply.call {
            message["call"] =
                json!({"id": call.id, "tool": call.tool, "arguments": call.arguments});
        }
        self.messages.push(message);
        self.used = (self.used.0 + reply.input, self.used.1 + reply.output);
        self.keep();
    }

    /// Takes what a tool gave back.
    pub fn result(&mut self, call: &Call, text: &str) {
        let message = json!({"role": "tool", "id": call.id, "text": text});
        self.messages.push(message);
        self.keep();
    }
}
