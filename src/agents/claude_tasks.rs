//! The list of tasks that Claude Code keeps.
//!
//! Older versions write the whole list at once (`TodoWrite`), newer ones make and change its entries
//! (`TaskCreate`, `TaskUpdate`). An entry counts when its call has ended well.

use std::collections::BTreeMap;

use serde_json::Value;

use super::json::{NAME, cut, line, list, member, text};
use super::plan;
use super::said::Said;

/// Most entries.
const MOST: usize = 1000;

/// The list.
#[derive(Debug, Default)]
pub(super) struct Tasks {
    /// Entries by their number, as the program writes it.
    entries: BTreeMap<String, Entry>,
    /// Calls that have not ended: what they will do.
    open: BTreeMap<String, Change>,
}

#[derive(Debug, Default)]
struct Entry {
    subject: String,
    status: String,
}

#[derive(Debug)]
enum Change {
    Create(String),
    Update {
        id: String,
        status: String,
        subject: String,
    },
    /// A whole list, counted when it was written.
    All,
    /// A look at the list.
    Look,
}

impl Tasks {
    /// Takes a call; false where it is not about the list.
    pub(super) fn call(
        &mut self,
        id: &str,
        tool: &str,
        input: &Value,
        said: &mut Vec<Said>,
    ) -> bool {
        let change = match tool {
            "TaskCreate" => Change::Create(line(text(input, "subject"))),
            "TaskUpdate" => Change::Update {
                id: cut(text(input, "taskId"), NAME),
                status: line(text(input, "status")),
                subject: line(text(input, "subject")),
            },
            "TodoWrite" => {
                let entries = list(input, "todos").iter();
                plan::say(
                    entries.map(|e| (text(e, "status"), text(e, "content"))),
                    said,
                );
                Change::All
            }
            "TaskList" | "TaskGet" => Change::Look,
            _ => return false,
        };
        if self.open.len() < MOST {
            self.open.insert(cut(id, NAME), change);
        }
        true
    }

    /// Takes the end of a call; false where it is not about the list.
    pub(super) fn called(
        &mut self,
        id: &str,
        bad: bool,
        result: &Value,
        said: &mut Vec<Said>,
    ) -> bool {
        let Some(change) = self.open.remove(id) else {
            return false;
        };
        if bad {
            return true;
        }
        match change {
            Change::Create(subject) => {
                let number = text(member(result, "task"), "id");
                if number.is_empty() || self.entries.len() >= MOST {
                    return true;
                }
                let entry = Entry {
                    subject,
                    status: "pending".to_owned(),
                };
                self.entries.insert(cut(number, NAME), entry);
            }
            Change::Update { id, status, .. } if status == "deleted" => {
                self.entries.remove(&id);
            }
            Change::Update {
                id,
                status,
                subject,
            } => {
                let Some(entry) = self.entries.get_mut(&id) else {
                    return true;
                };
                if !status.is_empty() {
                    entry.status = status;
                }
                if !subject.is_empty() {
                    entry.subject = subject;
                }
            }
            Change::All | Change::Look => return true,
        }
        let entries = self.entries.values();
        plan::say(
            entries.map(|e| (e.status.as_str(), e.subject.as_str())),
            said,
        );
        true
    }
}
