//! Headers of files: whole, cut, damaged, hostile.

use std::io::{self, Read};

use proptest::prelude::*;

use super::{File, small};
use crate::models::{
    GgufError, Header, Load, Unfit,
    ggml::{mixture_name, tensor_type},
    gguf::MOST_BYTES,
    memory::cache,
    shape::Number,
};

fn read(bytes: &[u8]) -> Result<Header, GgufError> {
    Header::read(&mut &*bytes)
}

#[test]
fn a_whole_header() {
    for version in [2, 3] {
        let mut bytes = small().build(version);
        let length = bytes.len() as u64;
        // The tensors' own bytes are not read.
        bytes.extend([0xff; 64]);
        let header = read(&bytes).unwrap();
        assert_eq!(header.version, version);
        assert_eq!(header.name, "Small \u{fffd} model");
        assert_eq!(header.quantisation(), Some("Q4_K_M"));
        assert_eq!((header.parts, header.tensors), (1, 3));
        assert_eq!(header.header_bytes, length);
        assert_eq!(header.parameters, 2560 + 65_536 + 256);
        // Q4_K, Q6_K, F32.
        let tensors = 10 * 144 + 256 * 210 + 256 * 4;
        assert_eq!(header.tensor_bytes, Some(tensors));
        assert_eq!(header.weights(None), Some(tensors));
        assert_eq!(header.weights(Some(length)), Some(length));
        let shape = header.shape.unwrap();
        assert_eq!(
            (shape.layers, shape.embedding, shape.vocabulary),
            (2, 256, 10)
        );
        assert_eq!(shape.kv_heads, Number::Each(vec![4, 0]));
        assert_eq!((shape.key_length, shape.context_length), (64, 4096));
        // A layer of attention and a recurrent one.
        let load = Load::default();
        let held = cache(&shape, &load);
        assert_eq!(held.full, 4 * (64 + 64) * 4096 * 2);
        assert_eq!(held.state, 4 * (3 * (512 + 2 * 128) + 128 * 512));
    }
}

/// As from a disk: a few bytes at a time, and interrupted.
struct Slow<'a> {
    bytes: &'a [u8],
    reads: u64,
}

impl Read for Slow<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        self.reads += 1;
        if self.reads.is_multiple_of(3) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let most = to.len().min(7);
        self.bytes.read(&mut to[..most])
    }
}

/// May not be read.
struct Broken;

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::ErrorKind::PermissionDenied.into())
    }
}

#[test]
fn pieces_and_interruptions_change_nothing() {
    let bytes = small().build(3);
    let mut slow = Slow {
        bytes: &bytes,
        reads: 0,
    };
    assert_eq!(Header::read(&mut slow), read(&bytes));
    let unread = GgufError::Unread(io::ErrorKind::PermissionDenied);
    assert_eq!(Header::read(&mut Broken), Err(unread));
}

/// Counts what is asked of it, and goes on with zeros for ever: a file of many gigabytes.
struct Endless<'a> {
    bytes: &'a [u8],
    reads: u64,
    given: u64,
}

impl Read for Endless<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let head = self.bytes.read(to)?;
        to[head..].fill(0);
        self.reads += 1;
        self.given += to.len() as u64;
        Ok(to.len())
    }
}

fn endless(bytes: &[u8]) -> (Result<Header, GgufError>, Endless<'_>) {
    let mut source = Endless {
        bytes,
        reads: 0,
        given: 0,
    };
    let header = Header::read(&mut source);
    (header, source)
}

#[test]
fn a_large_vocabulary_takes_few_reads_and_the_tensors_none() {
    let bytes = small().vocabulary(100_000).build(3);
    let (header, source) = endless(&bytes);
    assert_eq!(header.unwrap().shape.unwrap().vocabulary, 100_000);
    let length = bytes.len() as u64;
    assert!(length > 2_000_000);
    assert!(source.reads <= length / 65_536 + 1, "{}", source.reads);
    assert!(source.given < length + 65_536);
}

#[test]
fn a_header_cut_anywhere_says_so() {
    let bytes = small().build(3);
    for end in 0..bytes.len() {
        assert_eq!(read(&bytes[..end]), Err(GgufError::Cut), "{end}");
    }
    assert!(read(&bytes).is_ok());
}

#[test]
fn lists_without_end_are_not_kept() {
    let list = |value: u8, count: u64| {
        let mut list = 0_u32.to_le_bytes().to_vec();
        list.extend(count.to_le_bytes());
        list.resize(list.len() + usize::try_from(count).unwrap(), value);
        list
    };
    let kv = "attention.head_count_kv";
    let kept = |lists: u64| {
        let mut file = small();
        for i in 0..lists {
            file = file.key(&format!("x.{i}"), 9, &list(1, 4096));
        }
        let architecture = read(&small().build(3)).unwrap().shape.unwrap().architecture;
        let file = file.key(&format!("{architecture}.{kv}"), 9, &list(7, 2));
        read(&file.build(3)).unwrap().shape.unwrap().kv_heads
    };
    // What comes after more of them than any file has is not believed.
    assert_eq!(kept(1), Number::Each(vec![7, 7]));
    assert_eq!(kept(100), Number::Each(vec![4, 0]));
}

#[test]
fn other_files_are_refused() {
    assert_eq!(read(b"\x7fELF\x02\x01\x01\0"), Err(GgufError::NotGguf));
    assert_eq!(read(&small().build(1)), Err(GgufError::Version(1)));
    assert_eq!(read(&small().build(4)), Err(GgufError::Version(4)));
    let other_order = small().build(3_u32.swap_bytes());
    assert_eq!(read(&other_order), Err(GgufError::BigEndian));
}

/// A file that has only a beginning, with these counts.
fn counts(tensors: u64, keys: u64) -> Vec<u8> {
    let mut bytes = b"GGUF\x03\0\0\0".to_vec();
    bytes.extend(tensors.to_le_bytes());
    bytes.extend(keys.to_le_bytes());
    bytes
}

#[test]
fn counts_and_lengths_beyond_belief_end_it_at_once() {
    let long = |length: u64| {
        let mut bytes = counts(0, 1);
        bytes.extend(length.to_le_bytes());
        bytes
    };
    let listed = |kind: u32, count: u64| {
        let mut value = kind.to_le_bytes().to_vec();
        value.extend(count.to_le_bytes());
        File::default().key("a.b", 9, &value).build(3)
    };
    let tensor = |dimensions: &[u64]| File::default().tensor("t", dimensions, 0).build(3);
    let damaged = GgufError::Damaged;
    let cases = [
        (counts(u64::MAX, 1), damaged("the number of its tensors")),
        (counts(1, u64::MAX), damaged("the number of its keys")),
        (long(u64::MAX), GgufError::TooLong),
        (long(MOST_BYTES + 1), GgufError::TooLong),
        (listed(8, u64::MAX), GgufError::TooLong),
        (listed(10, MOST_BYTES), GgufError::TooLong),
        (listed(13, 1), damaged("a kind of list")),
        (
            File::default().key("a.b", 13, &[]).build(3),
            damaged("a kind of value"),
        ),
        (tensor(&[2; 5]), damaged("the dimensions of a tensor")),
        (tensor(&[1 << 40, 1 << 40]), damaged("the size of a tensor")),
    ];
    for (bytes, error) in cases {
        let (header, source) = endless(&bytes);
        assert_eq!(header, Err(error));
        assert_eq!(source.reads, 1);
    }
    // Lists in lists, without end.
    let mut nested = Vec::new();
    for _ in 0..10_000 {
        nested.extend(9_u32.to_le_bytes());
        nested.extend(1_u64.to_le_bytes());
    }
    let nested = File::default().key("a.b", 9, &nested).build(3);
    assert_eq!(read(&nested), Err(damaged("a kind of list")));
    // All together too many weights for a number.
    let most = File::default()
        .tensor("a", &[u64::MAX], 0)
        .tensor("b", &[1], 0);
    assert_eq!(
        read(&most.build(3)),
        Err(damaged("the size of its tensors"))
    );
}

#[test]
fn a_header_without_end_ends() {
    // Zeros read as empty texts: a list of them is followed as far as the limit, no further.
    let mut value = 8_u32.to_le_bytes().to_vec();
    value.extend(MOST_BYTES.to_le_bytes());
    let bytes = File::default().key("a.b", 9, &value).build(3);
    let mut source = Endless {
        bytes: &bytes,
        reads: 0,
        given: 0,
    };
    let header = Header::read_within(&mut source, 1 << 20);
    assert_eq!(header, Err(GgufError::TooLong));
    assert!(source.given <= (1 << 20) + 65_536);
}

#[test]
fn what_is_unknown_is_not_guessed() {
    let known = read(&small().build(3)).unwrap().tensor_bytes;
    assert!(known.is_some());
    for gone in [4, 5, 99] {
        let other = small().tensor("new", &[64], gone).build(3);
        assert_eq!(read(&other).unwrap().tensor_bytes, None);
        assert_eq!(tensor_type(gone), None);
    }
    assert_eq!((mixture_name(15), mixture_name(99)), (Some("Q4_K_M"), None));
    // Half a block counts as one.
    let part = File::default().tensor("t", &[300], 12).build(3);
    assert_eq!(read(&part).unwrap().tensor_bytes, Some(169));
}

#[test]
fn files_that_hold_no_model_say_why() {
    let shape = |file: File| read(&file.build(3)).unwrap().shape;
    let base = || {
        File::default()
            .text("general.architecture", b"llama")
            .number("llama.attention.head_count", 4)
            .number("llama.embedding_length", 256)
    };
    assert!(shape(base().number("llama.block_count", 2)).is_ok());
    assert_eq!(shape(base()), Err(Unfit::Missing("block_count")));
    // A part that is not the first has its place alone.
    let part = File::default()
        .number("split.count", 3)
        .tensor("t", &[8], 0);
    let part = read(&part.build(3)).unwrap();
    assert_eq!((part.parts, part.tensor_bytes), (3, Some(32)));
    assert!(part.shape.is_err());
    let many = base().number("llama.block_count", 1 << 20);
    assert_eq!(shape(many), Err(Unfit::TooLarge("block_count")));
    let wide = (1_u64 << 40).to_le_bytes();
    let wide = base()
        .number("llama.block_count", 2)
        .key("llama.attention.key_length", 10, &wide);
    assert_eq!(shape(wide), Err(Unfit::TooLarge("attention.key_length")));
    // Negative, or no number: as if it were not there.
    let minus = base().key("llama.block_count", 5, &(-3_i32).to_le_bytes());
    assert_eq!(shape(minus), Err(Unfit::Missing("block_count")));
    let word = base().text("llama.block_count", b"many");
    assert_eq!(shape(word), Err(Unfit::Missing("block_count")));
    // An architecture that is no text at all.
    let odd = File::default().text("general.architecture", b"\xff\x1b[2J");
    assert!(shape(odd).is_err());
}

proptest! {
    #[test]
    fn damaged_bytes_end_in_a_header_or_an_error(
        at in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        tail in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let mut bytes = small().build(3);
        for (index, value) in at {
            let index = index.index(bytes.len());
            bytes[index] = value;
        }
        bytes.extend(&tail);
        if let Ok(header) = read(&bytes) {
            prop_assert!(header.header_bytes <= bytes.len() as u64);
            if let Ok(shape) = &header.shape {
                let _ = cache(shape, &Load::default());
            }
        }
        // And nothing but noise behind a good beginning.
        let mut noise = counts(u64::from(tail.len() as u32 % 7), 5);
        noise.extend(&tail);
        let _ = read(&noise);
    }
}
