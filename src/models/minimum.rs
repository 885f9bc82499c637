//! What a local model needs at least, by its name alone.
//!
//! Names of models say their size and often how they were made smaller: `codellama:34b`, `qwen2.5-coder:7b-q8_0`.
//! Where no file is at hand that is enough to say what cannot be. A figure from here is a bound, shown with `~`; a
//! name that says no size, or a model that runs elsewhere, has none. Must not know any list of models.

use super::{
    ggml::mixture_millibits,
    memory::{DEVICE_BYTES, HOST_BYTES, weights},
};

/// Weights of a file whose name says no mixture, as servers choose: Q4_K_M.
const USUAL: &str = "Q4_K_M";
/// The smallest mixture in common use; smaller ones say so in their name.
const SMALLEST: &str = "Q2_K";
/// Largest number of parameters that is believed, in millions: 100,000 billions.
const MOST_MILLIONS: u64 = 100_000_000;

/// What the name of a local model says of its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ByName {
    /// Weights, as the name has them: `34b` is 34,000,000,000.
    pub parameters: u64,
    /// Thousandths of a bit for a weight, where the name says how it was made smaller.
    pub millibits: Option<u64>,
    /// Bytes below which it cannot be loaded: the weights alone, of the least number that is rounded to the one in
    /// the name (`34b`: 33.5), in the mixture of the name less 3 %, else in Q2_K.
    pub least_bytes: u64,
    /// Bytes that it takes as a rule before any context: the weights in the mixture of the name, else in Q4_K_M, and
    /// what a server takes itself.
    pub usual_bytes: u64,
}

/// Returns what a name says of the memory of a local model; none where it says no size or names a cloud's model.
///
/// - The size is the part that is a number and `b` (billions) or, from 10 on, `m` (millions); the smallest if there
///   are several. `a3b`, the active part of a mixture of experts, is none: all experts are in memory. `8x7b` counts
///   as 0.8 × 8 × 7, since the experts share the rest (Mixtral: 46.7 and 140.6).
/// - The mixture is a name of [`super::ggml::MIXTURES`] (`q4_K_M`, `fp16`), or `4bit`, `8bit`, `int4`, `int8`,
///   `q4`, `q8`, `fp8`, `awq`, `gptq`.
/// - `gpt-oss` is made in MXFP4: other mixtures leave most of it as it is.
#[must_use]
pub fn by_name(model: &str) -> Option<ByName> {
    let name: String = model.chars().take(256).collect();
    let name = name.to_ascii_lowercase();
    // `.`, `_` belong to numbers and mixtures; all else parts words.
    let words = || name.split(|c: char| !c.is_ascii_alphanumeric() && c != '.' && c != '_');
    if words().any(|word| word == "cloud") {
        return None;
    }
    let (thousands, unit) = words().filter_map(size_in).min()?;
    // Half of the last digit that is said lies below.
    let least = thousands.saturating_sub(unit / 2);
    let stated = words().find_map(mixture);
    let millibits = if name.contains("gpt-oss") {
        mixture_millibits("MXFP4")
    } else {
        stated
    };
    let bits_of = |mixture| millibits.or_else(|| mixture_millibits(mixture));
    let parameters = thousands.saturating_mul(1000);
    let lowest = bits_of(SMALLEST)?;
    let lowest = millibits.map_or(lowest, |bits| bits * 97 / 100);
    Some(ByName {
        parameters,
        millibits,
        least_bytes: weights(least.saturating_mul(1000), lowest),
        usual_bytes: weights(parameters, bits_of(USUAL)?).saturating_add(HOST_BYTES + DEVICE_BYTES),
    })
}

/// Returns what a model needs by its name where that many bytes cannot hold it: "CodeLlama 34B in 12 GB".
///
/// For models that this machine serves; what stands beside the name is the caller's to know.
#[must_use]
pub fn lacking(model: &str, bytes: u64) -> Option<ByName> {
    by_name(model).filter(|need| bytes < need.least_bytes)
}

/// The smallest size in a word: the word itself, else in what `_` parts (`model_7b`), else before the first `.`
/// (`7b.gguf`; behind one it could be the rest of a number).
fn size_in(word: &str) -> Option<(u64, u64)> {
    let part = |part: &str| size(part).or_else(|| size(part.split('.').next()?));
    size(word).or_else(|| word.split('_').filter_map(part).min())
}

/// A part of a name as a size: thousands of weights, and thousands in a unit of its last digit.
fn size(word: &str) -> Option<(u64, u64)> {
    // Gemma's `e4b`: weights that are used at a time; more are in memory, so it is a bound as well.
    let word = match word.strip_prefix('e') {
        Some(rest) if rest.starts_with(|c: char| c.is_ascii_digit()) => rest,
        _ => word,
    };
    let (number, factor) = match word.strip_suffix('b') {
        Some(number) => (number, 1_000_000),
        None => (word.strip_suffix('m')?, 1_000),
    };
    let (experts, number) = match number.split_once('x') {
        Some((experts, number)) => (experts.parse::<u64>().ok()?, number),
        None => (1, number),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = |text: &str| text.len() <= 6 && text.bytes().all(|c| c.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) || fraction.len() > 3 {
        return None;
    }
    let scale = 10_u64.pow(u32::try_from(fraction.len()).ok()?);
    let units = whole.parse::<u64>().ok()? * scale;
    let units = units
        + if fraction.is_empty() {
            0
        } else {
            fraction.parse().ok()?
        };
    // `1m` is a length of context.
    if units == 0 || (factor == 1_000 && units < 10 * scale) || experts == 0 || experts > 1024 {
        return None;
    }
    let mut thousands = units.checked_mul(factor)? / scale;
    let mut unit = factor / scale;
    if experts > 1 {
        thousands = thousands.checked_mul(experts)? / 5 * 4;
        unit = unit.checked_mul(experts)? / 5 * 4;
    }
    (thousands <= MOST_MILLIONS * 1000).then_some((thousands, unit))
}

/// A part of a name as a mixture of types: thousandths of a bit for a weight.
fn mixture(word: &str) -> Option<u64> {
    let plain = |word: &str| match word {
        "fp16" => mixture_millibits("F16"),
        "fp32" => mixture_millibits("F32"),
        "4bit" | "int4" | "q4" | "awq" | "gptq" => Some(4_000),
        "8bit" | "int8" | "q8" | "fp8" => Some(8_000),
        _ => mixture_millibits(word),
    };
    // Names of files: `llama-3.1-8b.Q4_K_M.gguf`, `model_7b_q4_k_m`.
    let ends = |part: &str| {
        let mut starts = part.match_indices('_').map(|(at, _)| at + 1);
        plain(part).or_else(|| starts.find_map(|at| plain(&part[at..])))
    };
    word.split('.').find_map(ends)
}
