//! The memory that a loaded model takes: weights, cache of its contexts, buffers, what is always there.
//!
//! Whole numbers that end at the largest one instead of running over: what is hostile reads as "too much". The
//! formulas are those that llama.cpp, Ollama and gguf-parser use; each says where it comes from. The cache is exact,
//! the sum within 5 % of what gguf-parser prints. Must not read anything.

use super::{
    ggml::Block,
    shape::{Recurrent, Shape},
};

/// What a server takes beside the model on its host: gguf-parser's default for llama.cpp (150 MiB).
pub const HOST_BYTES: u64 = 150 << 20;
/// The same on the device that computes: gguf-parser's default (250 MiB).
pub const DEVICE_BYTES: u64 = 250 << 20;
/// The cache of a sliding window grows in steps of so many cells (llama.cpp, `llama-kv-cache-iswa`).
const CELLS: u64 = 256;

/// How the numbers of a cache are stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CacheType {
    /// 32 bits.
    F32,
    /// 16 bits: what servers take unless told otherwise.
    #[default]
    F16,
    /// 16 bits, the other form.
    Bf16,
    /// 34 bytes for 32 numbers.
    Q8_0,
    /// 24 bytes for 32 numbers.
    Q5_1,
    /// 22 bytes for 32 numbers.
    Q5_0,
    /// 20 bytes for 32 numbers.
    Q4_1,
    /// 18 bytes for 32 numbers.
    Q4_0,
    /// 18 bytes for 32 numbers.
    Iq4Nl,
}

impl CacheType {
    /// Returns the type of a name as the options of servers have it (`q8_0`), in any case of letters.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        const NAMES: [(&str, CacheType); 9] = [
            ("f32", CacheType::F32),
            ("f16", CacheType::F16),
            ("bf16", CacheType::Bf16),
            ("q8_0", CacheType::Q8_0),
            ("q5_1", CacheType::Q5_1),
            ("q5_0", CacheType::Q5_0),
            ("q4_1", CacheType::Q4_1),
            ("q4_0", CacheType::Q4_0),
            ("iq4_nl", CacheType::Iq4Nl),
        ];
        let mut names = NAMES.iter();
        names
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, kind)| *kind)
    }

    /// Bytes of so many numbers, rounded up.
    #[must_use]
    pub fn size(self, numbers: u64) -> u64 {
        let (in_block, bytes) = match self {
            Self::F32 => (1, 4),
            Self::F16 | Self::Bf16 => (1, 2),
            Self::Q8_0 => (32, 34),
            Self::Q5_1 => (32, 24),
            Self::Q5_0 => (32, 22),
            Self::Q4_1 => (32, 20),
            Self::Q4_0 | Self::Iq4Nl => (32, 18),
        };
        let block = Block {
            numbers: in_block,
            bytes,
        };
        block.size(numbers)
    }
}

/// How a model is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// Tokens of context of a slot. The whole context of a server is this times its slots.
    pub context: u64,
    /// Requests that it answers at the same time.
    pub slots: u64,
    /// All slots share one cache (llama-server's `--kv-unified`).
    pub unified: bool,
    /// Type of cached keys.
    pub keys: CacheType,
    /// Type of cached values.
    pub values: CacheType,
    /// Attention without the matrix of all pairs.
    pub flash_attention: bool,
    /// Tokens of a step (`n_ubatch`).
    pub batch: u64,
}

impl Default for Load {
    /// One slot of 4,096 tokens in 16 bits, steps of 512: what Ollama does with little memory.
    fn default() -> Self {
        Self {
            context: 4096,
            slots: 1,
            unified: false,
            keys: CacheType::F16,
            values: CacheType::F16,
            flash_attention: true,
            batch: 512,
        }
    }
}

/// Bytes of the caches of a loaded model.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cache {
    /// Of layers that see the whole context.
    pub full: u64,
    /// Of layers that see a window of it.
    pub sliding: u64,
    /// States of recurrent layers.
    pub state: u64,
}

impl Cache {
    /// All of them.
    #[must_use]
    pub const fn total(&self) -> u64 {
        let seen = self.full.saturating_add(self.sliding);
        seen.saturating_add(self.state)
    }
}

/// Bytes of a loaded model, by what they are for. Computed: shown with `~`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Memory {
    /// The weights.
    pub weights: u64,
    /// The caches of all slots.
    pub cache: u64,
    /// Buffers of a step.
    pub compute: u64,
    /// What is there with any model: [`HOST_BYTES`] and [`DEVICE_BYTES`].
    pub fixed: u64,
}

impl Memory {
    /// Returns what a model with these weights takes when it is loaded so.
    #[must_use]
    pub fn new(weights: u64, shape: &Shape, load: &Load) -> Self {
        Self {
            weights,
            cache: cache(shape, load).total(),
            compute: compute(shape, load),
            fixed: HOST_BYTES + DEVICE_BYTES,
        }
    }

    /// All of it, on a machine with one memory.
    #[must_use]
    pub const fn total(&self) -> u64 {
        let held = self.weights.saturating_add(self.cache);
        held.saturating_add(self.compute).saturating_add(self.fixed)
    }
}

/// Bytes of so many weights with so many thousandths of a bit each: `parameters * bits / 8`.
#[must_use]
pub fn weights(parameters: u64, millibits: u64) -> u64 {
    let bytes = u128::from(parameters) * u128::from(millibits) / 8000;
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

/// Bytes that one layer's attention keeps for so many cells:
/// `kv_heads * (key_length + value_length) * cells * bytes of a number` (llama.cpp, `llama_kv_cache`).
///
/// With a compressed cache it is `(rank + rotary part) * cells * bytes`, once for keys and values and whatever the
/// heads (llama.cpp since it keeps no values for MLA).
#[must_use]
pub fn layer_cache(shape: &Shape, kv_heads: u64, cells: u64, load: &Load) -> u64 {
    if kv_heads == 0 {
        return 0;
    }
    if shape.compressed > 0 {
        return load.keys.size(shape.compressed.saturating_mul(cells));
    }
    let rows = kv_heads.saturating_mul(cells);
    let keys = load.keys.size(rows.saturating_mul(shape.key_length));
    let values = load.values.size(rows.saturating_mul(shape.value_length));
    keys.saturating_add(values)
}

/// Cells that a layer with a sliding window needs for all slots: `min(context, window + batch)`, in steps of 256,
/// for each slot; in a unified cache the windows of all slots and one step (llama.cpp, `llama_kv_cache_iswa`).
#[must_use]
pub fn sliding_cells(window: u64, load: &Load) -> u64 {
    let (context, windows, caches) = if load.unified {
        (whole_context(load), window.saturating_mul(load.slots), 1)
    } else {
        (load.context, window, load.slots)
    };
    let cells = context.min(windows.saturating_add(load.batch));
    let padded = cells.div_ceil(CELLS).saturating_mul(CELLS);
    padded.saturating_mul(caches)
}

/// Bytes of a recurrent layer's state for one slot, in 32 bits whatever the cache's type:
/// `(conv_kernel - 1) * (inner + 2 * groups * state) + state * inner` numbers (llama.cpp, `n_embd_r`, `n_embd_s`).
#[must_use]
pub fn state(r: &Recurrent) -> u64 {
    let groups = r.group_count.saturating_mul(2).saturating_mul(r.state_size);
    let width = r.inner_size.saturating_add(groups);
    let conv = r.conv_kernel.saturating_sub(1).saturating_mul(width);
    let inner = r.state_size.saturating_mul(r.inner_size);
    conv.saturating_add(inner).saturating_mul(4)
}

/// Tokens of all slots together.
const fn whole_context(load: &Load) -> u64 {
    load.context.saturating_mul(load.slots)
}

/// Bytes of the caches of all slots: the sum over the layers of what each keeps. Exact.
#[must_use]
pub fn cache(shape: &Shape, load: &Load) -> Cache {
    let mut all = Cache::default();
    let of_slot = shape.recurrent.as_ref().map_or(0, state);
    for i in 0..shape.layers {
        let layer = shape.layer(i);
        if layer.recurrent {
            all.state = all.state.saturating_add(of_slot.saturating_mul(load.slots));
        }
        let (sum, cells) = if layer.sliding {
            (&mut all.sliding, sliding_cells(shape.window, load))
        } else {
            (&mut all.full, whole_context(load))
        };
        *sum = sum.saturating_add(layer_cache(shape, layer.kv_heads, cells, load));
    }
    all
}

/// Bytes of the buffers of a step: `4 * batch * (embedding + vocabulary)`; without flash attention at least
/// `4 * batch * (1 + 4 * embedding + context * (1 + heads))` (Ollama, `GraphSize` of llama).
#[must_use]
pub fn compute(shape: &Shape, load: &Load) -> u64 {
    let step = load.batch.saturating_mul(4);
    let out = step.saturating_mul(shape.embedding.saturating_add(shape.vocabulary));
    if load.flash_attention {
        return out;
    }
    let heads = shape.heads.largest().saturating_add(1);
    let pairs = whole_context(load).saturating_mul(heads);
    let width = shape.embedding.saturating_mul(4).saturating_add(1);
    out.max(step.saturating_mul(pairs.saturating_add(width)))
}

/// Bytes that one slot more takes: the cost of another agent on a model that is loaded already.
#[must_use]
pub fn slot(shape: &Shape, load: &Load) -> u64 {
    let more = Load {
        slots: load.slots.saturating_add(1),
        ..*load
    };
    let all = |load: &Load| Memory::new(0, shape, load).total();
    all(&more).saturating_sub(all(load))
}
