//! From a person's recorded choices to the answers of a conflict.

use std::{fs::File, io::Read, path::Path};

use crate::{
    conflict::{Choices, ConflictDoc, MOST_FILE_BYTES},
    engine::{Chosen, answers},
    runtime::runner::sha256,
};

use super::place::said;

/// The answers that the choices give, in their order: a later one of the same place counts. Choices
/// for places that the document does not have any more are without effect.
///
/// # Errors
/// A text of a person's that is not where it was put, or is another.
pub(super) fn of(doc: &ConflictDoc, chosen: &[Chosen], folder: &Path) -> Result<Choices, String> {
    answers(doc, chosen, |hash| edited(&doc.id, hash, folder))
}

/// A text of a person's, which must be the one that was chosen.
pub(in crate::runtime) fn edited(id: &str, hash: &str, folder: &Path) -> Result<String, String> {
    let plain = hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_hexdigit());
    if !plain {
        return Err("a text that was chosen has no valid name".to_owned());
    }
    let path = folder.join(format!("{id}.edits")).join(hash);
    let mut bytes = Vec::new();
    File::open(&path)
        .and_then(|file| {
            file.take(MOST_FILE_BYTES as u64 + 1)
                .read_to_end(&mut bytes)
        })
        .map_err(|error| said(format!("a text that was chosen cannot be read: {error}")))?;
    if sha256(&bytes) != hash.to_ascii_lowercase() {
        return Err("a text that was chosen is not the one that was written".to_owned());
    }
    String::from_utf8(bytes).map_err(|_| "a text that was chosen is not UTF-8".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        conflict::{Choice, ConflictFile, Hunk, Kind, Piece, RepoPath, VERSION, Whole},
        engine::Pick,
    };

    fn doc() -> ConflictDoc {
        let hunk = |n: u32| Hunk::new("b".into(), "o".into(), "t".into(), n);
        let file = |path: &str, hunks: u32| ConflictFile {
            path: path.into(),
            kind: Kind::Content,
            parts: Vec::new(),
            pieces: (0..hunks).map(|n| Piece::Hunk(hunk(n))).collect(),
            mode: 0o100_644,
            cut: false,
            rule: None,
            said: String::new(),
        };
        ConflictDoc {
            version: VERSION,
            id: "3".into(),
            agent: "a".into(),
            attempt: 1,
            onto: String::new(),
            theirs: String::new(),
            base: None,
            tree: String::new(),
            files: vec![file("text", 2), file("binary", 0)],
            omitted: 0,
        }
    }

    #[test]
    fn a_choice_without_a_place_answers_what_is_open() {
        let doc = doc();
        let key = doc.files[0].hunks().next().unwrap().key.clone();
        let chosen = [
            Chosen {
                file: Some("text".into()),
                hunk: Some(key.clone()),
                pick: Pick::Theirs,
            },
            Chosen {
                file: None,
                hunk: None,
                pick: Pick::Ours,
            },
        ];
        let all = of(&doc, &chosen, Path::new("/nowhere")).unwrap();
        assert_eq!(all.of(&"text".into(), &key), Some(&Choice::Theirs));
        let other = &doc.files[0].hunks().nth(1).unwrap().key;
        assert_eq!(all.of(&"text".into(), other), Some(&Choice::Ours));
        let whole = all.0[&RepoPath::from("binary")].whole.clone();
        assert_eq!(whole, Some(Whole::Ours));
    }

    #[test]
    fn a_persons_text_must_be_the_one_that_was_chosen() {
        let folder = tempfile::tempdir().unwrap();
        let doc = doc();
        let hash = sha256(b"mine\n");
        let chosen = [Chosen {
            file: Some("binary".into()),
            hunk: None,
            pick: Pick::Edited(hash.clone()),
        }];
        assert!(of(&doc, &chosen, folder.path()).is_err(), "not there");
        let edits = folder.path().join("3.edits");
        std::fs::create_dir(&edits).unwrap();
        std::fs::write(edits.join(&hash), "mine\n").unwrap();
        let all = of(&doc, &chosen, folder.path()).unwrap();
        let whole = all.0[&RepoPath::from("binary")].whole.clone();
        assert_eq!(whole, Some(Whole::Edited("mine\n".into())));
        std::fs::write(edits.join(&hash), "other\n").unwrap();
        assert!(of(&doc, &chosen, folder.path()).is_err(), "another text");
    }
}
