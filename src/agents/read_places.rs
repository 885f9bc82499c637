//! Reads the places of an adapter: what its program writes outside of its workspace.
//!
//! Must not look whether they are there.

use super::{adapter::MadeFile, read::check_variable};
use crate::plan::decode::{Decoder, Val, at};

/// Keys of a file that is made.
const MADE: &[&str] = &["file", "holds", "unless"];

/// Folders and files, absolute, below the home folder, or named by a variable.
pub(super) fn places(d: &mut Decoder, value: &Val<'_>) -> Option<Vec<String>> {
    d.list(value, "a list of folders such as [\"~/.cache\"]", place)
}

/// A place: absolute, below the home folder, or named by a variable.
fn place(d: &mut Decoder, value: &Val<'_>) -> Option<String> {
    let place = d.name(value, "a folder such as \"~/.cache\"")?;
    let good = ["/", "~/", "$"]
        .iter()
        .any(|front| place.v.starts_with(front));
    let inside = place.v.split('/').all(|part| part != "..");
    if good && inside && place.v != "~/" && place.v != "/" {
        return Some(place.v);
    }
    d.sink
        .error(place.at, format!("`{}` is no place of its own", place.v))
        .help("begin it with `~/`, `/` or `$NAME`");
    None
}

/// Files that are made before it starts where they are missing.
pub(super) fn made(d: &mut Decoder, value: &Val<'_>) -> Option<Vec<MadeFile>> {
    let what = "a list of tables such as [{ file = \"~/.x.json\", holds = \"{}\" }]";
    d.list(value, what, |d, value| {
        let table = d.table(
            value,
            "a table such as { file = \"~/.x.json\", holds = \"{}\" }",
        )?;
        let (mut file, mut holds, mut unless) = (None, String::new(), None);
        for (key, value) in table {
            match key.get_ref().as_ref() {
                "file" => file = place(d, value),
                "holds" => holds = d.text(value, "a text")?.v,
                "unless" => {
                    let name = d.name(value, "the name of a variable")?;
                    check_variable(d, name.at, &name.v);
                    unless = Some(name.v);
                }
                _ => d.unknown_key(key, MADE),
            }
        }
        if file.is_none() {
            d.sink.error(at(value), "`file` is missing, or is no place");
        }
        Some(MadeFile {
            file: file?,
            holds,
            unless,
        })
    })
}
