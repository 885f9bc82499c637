//! Texts of conflicts and diffs of finished work, for a dashboard: read from the run's folder and its
//! repository, on a thread of their own. A person's text for a place of a conflict is kept here too.
//!
//! Must not change anything but the folder of such texts.

use std::{collections::BTreeMap, fs::File, io::Read, path::Path, sync::Arc, thread};

use tokio::sync::mpsc;

use crate::{
    conflict::{ConflictDoc, MOST_FILE_BYTES, VERSION},
    sys::lock::private_dir,
    tui::feed::{ClashAsk, Request, Spot, Texts, Update},
};

use super::{diff, runner::sha256, work};

/// Bytes of a conflict's document: its texts are at most 12 MiB, each byte at most six in JSON.
const MOST: u64 = 96 << 20;
/// Texts of persons that are read for one conflict.
const EDITS: usize = 500;

/// Answers a request of a dashboard, on a thread of its own.
pub(super) fn answer(run_dir: &Path, asked: Request, to: &mpsc::Sender<Update>) {
    let dir = run_dir.to_owned();
    let sender = to.clone();
    let copy = asked.clone();
    let started = thread::Builder::new().name("texts".into()).spawn(move || {
        if let Some(update) = reply(&dir, asked) {
            // Who has gone wants no answer.
            let _ = sender.blocking_send(update);
        }
    });
    if let Err(error) = started {
        let why = format!("no thread can be started: {error}");
        let update = match copy {
            Request::Clash(ask) => Update::Clash {
                ask,
                result: Err(why),
            },
            Request::Keep { place, .. } => Update::Kept {
                place,
                result: Err(why),
            },
            Request::Review(ask) => Update::Review {
                ask,
                result: Err(why),
            },
            _ => return,
        };
        let _ = to.blocking_send(update);
    }
}

fn reply(dir: &Path, asked: Request) -> Option<Update> {
    Some(match asked {
        Request::Clash(ask) => {
            let result = texts(dir, &ask).map(Arc::new);
            Update::Clash { ask, result }
        }
        Request::Keep { place, text } => {
            let result = keep(dir, &place, &text);
            Update::Kept { place, result }
        }
        Request::Review(ask) => {
            let result = diff::of_commits(dir, &ask.base, &ask.commit);
            Update::Review { ask, result }
        }
        _ => return None,
    })
}

/// Reads the texts of a conflict.
fn texts(dir: &Path, ask: &ClashAsk) -> Result<Texts, String> {
    let folder = dir.join("conflicts");
    let path = folder.join(format!("{}.json", ask.id));
    let mut bytes = Vec::new();
    File::open(&path)
        .and_then(|file| file.take(MOST).read_to_end(&mut bytes))
        .map_err(|error| format!("the texts of conflict {} cannot be read: {error}", ask.id))?;
    let doc: ConflictDoc = serde_json::from_slice(&bytes)
        .map_err(|_| format!("the texts of conflict {} are damaged", ask.id))?;
    if doc.version != VERSION {
        return Err(format!(
            "the texts of conflict {} are of version {}; this program reads {VERSION}",
            ask.id, doc.version
        ));
    }
    let mut edits = BTreeMap::new();
    for hash in ask.edits.iter().take(EDITS) {
        let text = work::edited(&ask.id.to_string(), hash, &folder)?;
        edits.insert(hash.clone(), text);
    }
    Ok(Texts { doc, edits })
}

/// Keeps a person's text under the name that its choice will carry.
fn keep(dir: &Path, place: &Spot, text: &str) -> Result<String, String> {
    if text.len() > MOST_FILE_BYTES {
        let most = MOST_FILE_BYTES >> 20;
        return Err(format!(
            "the text is longer than {most} MiB: it cannot be taken"
        ));
    }
    let hash = sha256(text.as_bytes());
    let folder = dir
        .join("conflicts")
        .join(format!("{}.edits", place.conflict));
    private_dir(&folder)
        .and_then(|()| work::put(&folder.join(&hash), text.as_bytes()))
        .map_err(|error| format!("the text cannot be kept: {error}"))?;
    Ok(hash)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn doc(id: u32) -> ConflictDoc {
        ConflictDoc {
            version: VERSION,
            id: id.to_string(),
            agent: "a".into(),
            attempt: 1,
            onto: String::new(),
            theirs: String::new(),
            base: None,
            tree: String::new(),
            files: Vec::new(),
            omitted: 0,
        }
    }

    #[test]
    fn a_persons_text_is_kept_privately_and_read_again() {
        let run = tempfile::tempdir().unwrap();
        let place = Spot {
            conflict: 3,
            file: "a".into(),
            hunk: None,
        };
        let hash = keep(run.path(), &place, "mine\n").unwrap();
        let path = run.path().join("conflicts/3.edits").join(&hash);
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let folder = run.path().join("conflicts");
        std::fs::write(folder.join("3.json"), serde_json::to_vec(&doc(3)).unwrap()).unwrap();
        let mut ask = ClashAsk {
            id: 3,
            edits: vec![hash.clone()],
            merge: 1,
        };
        let read = texts(run.path(), &ask).unwrap();
        assert_eq!(read.doc, doc(3));
        assert_eq!(read.edits.get(&hash).map(String::as_str), Some("mine\n"));
        // Another text than the one that was chosen is none.
        std::fs::write(&path, "other\n").unwrap();
        assert!(texts(run.path(), &ask).is_err());
        ask.edits = vec!["../../etc/passwd".into()];
        assert!(texts(run.path(), &ask).is_err());
        ask.id = 4;
        assert!(texts(run.path(), &ask).is_err());
        let long = "x".repeat(MOST_FILE_BYTES + 1);
        assert!(keep(run.path(), &place, &long).is_err());
    }
}
