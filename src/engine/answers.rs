//! From a person's recorded choices to the answers of a conflict.
//!
//! Pure: the texts of persons are handed in. Must not decide whether a choice may be made.

use super::{Chosen, Pick};
use crate::conflict::{Choice, Choices, ConflictDoc, RepoPath, Whole};

/// The answers that the choices give, in their order: a later one of the same place counts. Choices
/// for places that the document does not have any more are without effect. `text` finds a person's
/// text by its name.
///
/// # Errors
/// Those of `text`.
pub fn answers<E>(
    doc: &ConflictDoc,
    chosen: &[Chosen],
    mut text: impl FnMut(&str) -> Result<String, E>,
) -> Result<Choices, E> {
    let mut all = Choices::default();
    for choice in chosen {
        let path = choice.file.as_deref().map(RepoPath::from_text);
        match (path, &choice.hunk) {
            (Some(None), _) => {}
            (Some(Some(path)), Some(key)) => {
                let picked = hunk(&choice.pick, &mut text)?;
                all.hunk(path, key.clone(), picked);
            }
            (Some(Some(path)), None) => {
                let picked = whole(&choice.pick, &mut text)?;
                all.whole(path, picked);
            }
            (None, _) => rest(&mut all, doc, &choice.pick, &mut text)?,
        }
    }
    Ok(all)
}

/// Answers every place that has no answer.
fn rest<E>(
    all: &mut Choices,
    doc: &ConflictDoc,
    pick: &Pick,
    text: &mut impl FnMut(&str) -> Result<String, E>,
) -> Result<(), E> {
    for file in &doc.files {
        let known = all.0.get(&file.path);
        if known.is_some_and(|known| known.whole.is_some()) {
            continue;
        }
        if file.pieces.is_empty() {
            all.whole(file.path.clone(), whole(pick, text)?);
            continue;
        }
        for place in file.hunks() {
            if all.of(&file.path, &place.key).is_none() {
                let picked = hunk(pick, text)?;
                all.hunk(file.path.clone(), place.key.clone(), picked);
            }
        }
    }
    Ok(())
}

fn hunk<E>(pick: &Pick, text: &mut impl FnMut(&str) -> Result<String, E>) -> Result<Choice, E> {
    Ok(match pick {
        Pick::Ours => Choice::Ours,
        Pick::Theirs => Choice::Theirs,
        Pick::Both => Choice::Both,
        Pick::BothReversed => Choice::BothReversed,
        Pick::Base => Choice::Base,
        Pick::Edited(hash) => Choice::Edited(text(hash)?),
    })
}

fn whole<E>(pick: &Pick, text: &mut impl FnMut(&str) -> Result<String, E>) -> Result<Whole, E> {
    Ok(match pick {
        Pick::Ours => Whole::Ours,
        Pick::Theirs => Whole::Theirs,
        // One beside the other has no order.
        Pick::Both | Pick::BothReversed => Whole::Both,
        Pick::Base => Whole::Base,
        Pick::Edited(hash) => Whole::Edited(text(hash)?),
    })
}
