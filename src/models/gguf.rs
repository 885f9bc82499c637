//! Reads the header of a GGUF file: what the model is, and how large its tensors are.
//!
//! Versions 2 and 3, little endian. Reads forwards through whatever the caller opened and stops where the tensors'
//! bytes begin: nothing of them is touched. Files are foreign: every count and length is bounded before it is
//! believed, nothing is kept that was not asked for, and the whole header has a limit. Must not open a file.
//!
//! Source of the format: `docs/gguf.md` of the ggml repository.

use std::{
    collections::BTreeMap,
    io::{ErrorKind, Read},
};

use thiserror::Error;

use super::{
    ggml::{self, tensor_type},
    shape::{MOST_LAYERS, Number, Shape, Unfit},
};
use crate::display::clean_line;

/// Most bytes of a header. Vocabularies of 260,000 entries with their merges make about 15 MiB.
pub const MOST_BYTES: u64 = 128 << 20;
/// Most keys of a header; files have fewer than a hundred.
const MOST_KEYS: u64 = 1 << 14;
/// Most tensors; the largest files have some thousand.
const MOST_TENSORS: u64 = 1 << 18;
/// Most bytes of a key or a tensor's name that are kept; longer ones are skipped.
const KEY: usize = 128;
/// Most bytes of a text that is kept.
const TEXT: usize = 256;
/// Most dimensions of a tensor (`GGML_MAX_DIMS`).
const DIMENSIONS: u32 = 4;
/// Arrays in arrays that are followed.
const DEPTH: u32 = 4;
/// Most numbers of short lists that are kept, all together; files have a few lists of some hundred.
const MOST_LISTED: u64 = 1 << 16;
/// Bytes that are asked for at once.
const PIECE: usize = 64 << 10;

/// Why a file's header cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum GgufError {
    /// It does not begin as such a file does.
    #[error("not a GGUF file")]
    NotGguf,
    /// A version that is not read here.
    #[error("GGUF version {0} is not known here: 2 and 3 are")]
    Version(u32),
    /// Its numbers have their bytes in the other order.
    #[error("a GGUF file for machines with the other order of bytes")]
    BigEndian,
    /// It ends inside its header.
    #[error("the file ends inside its header")]
    Cut,
    /// The header is larger than any that is believed.
    #[error("its header has more than {MOST_BYTES} bytes")]
    TooLong,
    /// A count or a kind of value that no such file has.
    #[error("its header is damaged: {0}")]
    Damaged(&'static str),
    /// The file could not be read.
    #[error("cannot read it: {0}")]
    Unread(ErrorKind),
}

/// What the header of a file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// 2 or 3.
    pub version: u32,
    /// `general.name`, in one clean line; empty where it is not said.
    pub name: String,
    /// `general.file_type`: the mixture of its tensors' types ([`ggml::mixture_name`]).
    pub file_type: Option<u32>,
    /// The numbers of the model; why not, for files that hold none (a part that is not the first, a projector).
    pub shape: Result<Shape, Unfit>,
    /// Files that the model is split into; 1 for a whole one. Each holds some of the tensors.
    pub parts: u64,
    /// Tensors in this file.
    pub tensors: u64,
    /// Weights in this file.
    pub parameters: u64,
    /// Bytes of its tensors by their types; none where a type is unknown.
    pub tensor_bytes: Option<u64>,
    /// Bytes of the header.
    pub header_bytes: u64,
}

impl Header {
    /// Reads a header; the source may be a file or bytes, and is left inside or behind the header.
    pub fn read(source: &mut dyn Read) -> Result<Self, GgufError> {
        Self::read_within(source, MOST_BYTES)
    }

    /// Reads a header of at most so many bytes.
    pub(super) fn read_within(source: &mut dyn Read, most: u64) -> Result<Self, GgufError> {
        let mut from = Source {
            from: source,
            piece: vec![0; PIECE],
            at: 0,
            end: 0,
            taken: 0,
            listed: 0,
            most,
        };
        read(&mut from)
    }

    /// Returns the name of its mixture of types, `Q4_K_M`.
    #[must_use]
    pub fn quantisation(&self) -> Option<&'static str> {
        self.file_type.and_then(ggml::mixture_name)
    }

    /// Returns the bytes of its weights in memory: the length of the file where it is known, as the file is mapped
    /// whole, else the sum of its tensors.
    #[must_use]
    pub fn weights(&self, file_bytes: Option<u64>) -> Option<u64> {
        file_bytes.or(self.tensor_bytes)
    }
}

/// Bytes that come in pieces, counted.
struct Source<'a> {
    from: &'a mut dyn Read,
    piece: Vec<u8>,
    at: usize,
    end: usize,
    taken: u64,
    /// Numbers of short lists so far.
    listed: u64,
    most: u64,
}

impl Source<'_> {
    /// What is there of the next `most` bytes: at least one, unless none was asked for.
    fn some(&mut self, most: u64) -> Result<&[u8], GgufError> {
        while self.at == self.end && most > 0 {
            match self.from.read(&mut self.piece) {
                Ok(0) => return Err(GgufError::Cut),
                Ok(n) => (self.at, self.end) = (0, n.min(self.piece.len())),
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(GgufError::Unread(e.kind())),
            }
        }
        let there = self.end - self.at;
        let take = usize::try_from(most).map_or(there, |most| most.min(there));
        self.taken += take as u64;
        if self.taken > self.most {
            return Err(GgufError::TooLong);
        }
        self.at += take;
        Ok(&self.piece[self.at - take..self.at])
    }

    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], GgufError> {
        let mut all = [0; N];
        let mut filled = 0;
        while filled < N {
            let some = self.some((N - filled) as u64)?;
            all[filled..filled + some.len()].copy_from_slice(some);
            filled += some.len();
        }
        Ok(all)
    }

    fn u32(&mut self) -> Result<u32, GgufError> {
        Ok(u32::from_le_bytes(self.bytes()?))
    }

    fn u64(&mut self) -> Result<u64, GgufError> {
        Ok(u64::from_le_bytes(self.bytes()?))
    }

    fn skip(&mut self, mut count: u64) -> Result<(), GgufError> {
        // Said before a byte of it is read.
        if count > MOST_BYTES {
            return Err(GgufError::TooLong);
        }
        while count > 0 {
            count -= self.some(count)?.len() as u64;
        }
        Ok(())
    }

    /// A text of at most `most` bytes; a longer one is skipped and reads as none.
    fn text(&mut self, most: usize) -> Result<Option<Vec<u8>>, GgufError> {
        let length = self.u64()?;
        if length > most as u64 {
            self.skip(length)?;
            return Ok(None);
        }
        let mut text = Vec::new();
        while (text.len() as u64) < length {
            let some = self.some(length - text.len() as u64)?;
            text.extend_from_slice(some);
        }
        Ok(Some(text))
    }
}

/// A value of a key, as far as it is of use here.
enum Value {
    Number(Number),
    Text(Vec<u8>),
    /// A list of texts, by its length.
    Texts(u64),
    Other,
}

/// Bytes of a value of a kind that has always the same.
const fn width(kind: u32) -> Option<u64> {
    match kind {
        0 | 1 | 7 => Some(1),
        2 | 3 => Some(2),
        4..=6 => Some(4),
        10..=12 => Some(8),
        _ => None,
    }
}

/// Kinds of values that are texts and lists.
const TEXT_KIND: u32 = 8;
const LIST_KIND: u32 = 9;

/// Reads a whole number that is not negative; none of others, which are read all the same.
fn whole(from: &mut Source<'_>, kind: u32) -> Result<Option<u64>, GgufError> {
    Ok(match kind {
        0 | 7 => Some(u64::from(from.bytes::<1>()?[0])),
        1 => u64::try_from(i8::from_le_bytes(from.bytes()?)).ok(),
        2 => Some(u64::from(u16::from_le_bytes(from.bytes()?))),
        3 => u64::try_from(i16::from_le_bytes(from.bytes()?)).ok(),
        4 => Some(u64::from(from.u32()?)),
        5 => u64::try_from(i32::from_le_bytes(from.bytes()?)).ok(),
        10 => Some(from.u64()?),
        11 => u64::try_from(i64::from_le_bytes(from.bytes()?)).ok(),
        _ => {
            let width = width(kind).ok_or(GgufError::Damaged("a kind of value"))?;
            from.skip(width)?;
            None
        }
    })
}

fn value(from: &mut Source<'_>) -> Result<Value, GgufError> {
    let kind = from.u32()?;
    Ok(match kind {
        TEXT_KIND => from.text(TEXT)?.map_or(Value::Other, Value::Text),
        LIST_KIND => list(from, DEPTH)?,
        _ => whole(from, kind)?.map_or(Value::Other, |n| Value::Number(Number::One(n))),
    })
}

fn list(from: &mut Source<'_>, depth: u32) -> Result<Value, GgufError> {
    let kind = from.u32()?;
    let count = from.u64()?;
    if count > MOST_BYTES {
        return Err(GgufError::TooLong);
    }
    if let Some(width) = width(kind) {
        let short = count <= MOST_LAYERS && kind != 6 && kind != 12;
        from.listed += if short { count } else { 0 };
        if !short || from.listed > MOST_LISTED {
            // A product of two small numbers: `count` is bounded above.
            from.skip(count * width)?;
            return Ok(Value::Other);
        }
        let mut all = Vec::new();
        for _ in 0..count {
            // A negative one (a layer without a value) counts as 0.
            all.push(whole(from, kind)?.unwrap_or(0));
        }
        return Ok(Value::Number(Number::Each(all)));
    }
    match kind {
        TEXT_KIND => {
            for _ in 0..count {
                let length = from.u64()?;
                from.skip(length)?;
            }
            Ok(Value::Texts(count))
        }
        LIST_KIND if depth > 0 => {
            for _ in 0..count {
                list(from, depth - 1)?;
            }
            Ok(Value::Other)
        }
        _ => Err(GgufError::Damaged("a kind of list")),
    }
}

fn read(from: &mut Source<'_>) -> Result<Header, GgufError> {
    if &from.bytes::<4>()? != b"GGUF" {
        return Err(GgufError::NotGguf);
    }
    let version = from.u32()?;
    match version {
        2 | 3 => {}
        v if matches!(v.swap_bytes(), 1..=3) => return Err(GgufError::BigEndian),
        v => return Err(GgufError::Version(v)),
    }
    let tensors = from.u64()?;
    let keys = from.u64()?;
    if tensors > MOST_TENSORS {
        return Err(GgufError::Damaged("the number of its tensors"));
    }
    if keys > MOST_KEYS {
        return Err(GgufError::Damaged("the number of its keys"));
    }
    let mut numbers: BTreeMap<String, Number> = BTreeMap::new();
    let mut architecture = String::new();
    let mut name = String::new();
    let mut vocabulary = None;
    for _ in 0..keys {
        let key = from.text(KEY)?;
        let value = value(from)?;
        let Some(key) = key.and_then(|key| String::from_utf8(key).ok()) else {
            continue;
        };
        match (key.as_str(), value) {
            ("general.architecture", Value::Text(text)) => {
                architecture = String::from_utf8_lossy(&text).into_owned();
            }
            ("general.name", Value::Text(text)) => name = clean_line(&text, TEXT),
            ("tokenizer.ggml.tokens", Value::Texts(count)) => vocabulary = Some(count),
            // Lists of the vocabulary are as long as it; nothing here asks for them.
            (tokens, _) if tokens.starts_with("tokenizer.") => {}
            (_, Value::Number(number)) => {
                numbers.insert(key, number);
            }
            _ => {}
        }
    }
    let sum = tensor_sum(from, tensors)?;
    let get = |key: &str| numbers.get(key).cloned();
    let one = |key: &str| match numbers.get(key) {
        Some(Number::One(n)) => Some(*n),
        _ => None,
    };
    Ok(Header {
        version,
        name,
        file_type: one("general.file_type").and_then(|n| u32::try_from(n).ok()),
        shape: Shape::new(&architecture, vocabulary, &get),
        parts: one("split.count").unwrap_or(1).max(1),
        tensors,
        parameters: sum.0,
        tensor_bytes: sum.1,
        header_bytes: from.taken,
    })
}

/// Reads the list of tensors: their numbers, and their bytes where all types are known.
fn tensor_sum(from: &mut Source<'_>, tensors: u64) -> Result<(u64, Option<u64>), GgufError> {
    let mut parameters = 0_u64;
    let mut bytes = Some(0_u64);
    for _ in 0..tensors {
        let length = from.u64()?;
        from.skip(length)?;
        let dimensions = from.u32()?;
        if dimensions > DIMENSIONS {
            return Err(GgufError::Damaged("the dimensions of a tensor"));
        }
        let mut count = 1_u64;
        for _ in 0..dimensions {
            let dimension = from.u64()?;
            count = count
                .checked_mul(dimension)
                .ok_or(GgufError::Damaged("the size of a tensor"))?;
        }
        let block = tensor_type(from.u32()?);
        // Where it lies does not matter: it is not read.
        from.skip(8)?;
        parameters = parameters
            .checked_add(count)
            .ok_or(GgufError::Damaged("the size of its tensors"))?;
        bytes = match (bytes, block) {
            (Some(sum), Some(block)) => Some(sum.saturating_add(block.size(count))),
            _ => None,
        };
    }
    Ok((parameters, bytes))
}
