//! Types of numbers in tensors, and the names of mixtures of them.
//!
//! Tables alone. Sources: `ggml.h` and `llama.h` of llama.cpp for the numbers and names, `tools/quantize/README.md`
//! there for the bits of a weight. A type that came later is unknown, not guessed.

/// A type of the numbers in a tensor: so many of them in a block of so many bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// Numbers in a block.
    pub numbers: u64,
    /// Bytes of a block.
    pub bytes: u64,
}

impl Block {
    /// Bytes that so many numbers take, rounded up; the largest number where it is more.
    #[must_use]
    pub fn size(self, numbers: u64) -> u64 {
        let bytes = u128::from(numbers) * u128::from(self.bytes);
        u64::try_from(bytes.div_ceil(u128::from(self.numbers))).unwrap_or(u64::MAX)
    }
}

/// Returns how a tensor type of a file (`ggml_type`) is stored; none of types that are unknown or were taken away.
#[must_use]
pub const fn tensor_type(id: u32) -> Option<Block> {
    let (numbers, bytes) = match id {
        // F32, I32
        0 | 26 => (1, 4),
        // F16, I16, BF16
        1 | 25 | 30 => (1, 2),
        // Q4_0, its three interleaved forms, IQ4_NL and its forms
        2 | 20 | 31..=33 | 36..=38 => (32, 18),
        // Q4_1
        3 => (32, 20),
        // Q5_0, Q5_1
        6 => (32, 22),
        7 => (32, 24),
        // Q8_0, Q8_1
        8 => (32, 34),
        9 => (32, 36),
        // Q2_K to Q6_K, Q8_K
        10 => (256, 84),
        11 | 21 => (256, 110),
        12 => (256, 144),
        13 => (256, 176),
        14 => (256, 210),
        15 => (256, 292),
        // IQ2_XXS and TQ2_0, IQ2_XS, IQ3_XXS, IQ1_S, IQ2_S, IQ4_XS, IQ1_M, TQ1_0; IQ3_S stands with Q3_K
        16 | 35 => (256, 66),
        17 => (256, 74),
        18 => (256, 98),
        19 => (256, 50),
        22 => (256, 82),
        23 => (256, 136),
        29 => (256, 56),
        34 => (256, 54),
        // I8
        24 => (1, 1),
        // I64, F64
        27 | 28 => (1, 8),
        // MXFP4
        39 => (32, 17),
        _ => return None,
    };
    Some(Block { numbers, bytes })
}

/// A mixture of types that files are made in: number (`llama_ftype`), name, thousandths of a bit for a weight.
///
/// The bits are those of Llama 3.1 8B in the table of llama.cpp's quantize tool, else those of the type itself.
/// Other models differ: larger ones by -2 %, small ones with a large vocabulary by +8 %.
pub const MIXTURES: [(u32, &str, u64); 32] = [
    (0, "F32", 32_000),
    (1, "F16", 16_000),
    (2, "Q4_0", 4_500),
    (3, "Q4_1", 5_000),
    (7, "Q8_0", 8_501),
    (8, "Q5_0", 5_500),
    (9, "Q5_1", 6_000),
    (10, "Q2_K", 3_159),
    (11, "Q3_K_S", 3_643),
    (12, "Q3_K_M", 3_996),
    (13, "Q3_K_L", 4_298),
    (14, "Q4_K_S", 4_667),
    (15, "Q4_K_M", 4_894),
    (16, "Q5_K_S", 5_570),
    (17, "Q5_K_M", 5_704),
    (18, "Q6_K", 6_563),
    (19, "IQ2_XXS", 2_382),
    (20, "IQ2_XS", 2_588),
    (21, "Q2_K_S", 2_970),
    (22, "IQ3_XS", 3_498),
    (23, "IQ3_XXS", 3_255),
    (24, "IQ1_S", 2_004),
    (25, "IQ4_NL", 4_682),
    (26, "IQ3_S", 3_661),
    (27, "IQ3_M", 3_763),
    (28, "IQ2_S", 2_740),
    (29, "IQ2_M", 2_929),
    (30, "IQ4_XS", 4_460),
    (31, "IQ1_M", 2_146),
    (32, "BF16", 16_000),
    (36, "TQ1_0", 1_688),
    (38, "MXFP4", 4_250),
];

/// Returns the name of a file's mixture; none of numbers that are unknown.
#[must_use]
pub fn mixture_name(file_type: u32) -> Option<&'static str> {
    let mut all = MIXTURES.iter();
    all.find(|(id, ..)| *id == file_type)
        .map(|(_, name, _)| *name)
}

/// Returns the thousandths of a bit that a weight takes in a mixture, in any case of letters.
#[must_use]
pub fn mixture_millibits(name: &str) -> Option<u64> {
    let mut all = MIXTURES.iter();
    all.find(|(_, known, _)| known.eq_ignore_ascii_case(name))
        .map(|(.., bits)| *bits)
}
