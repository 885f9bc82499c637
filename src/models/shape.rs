//! The numbers of a model that decide how much memory it takes beside its weights.
//!
//! From the keys that a GGUF file has, or that a server tells under the same names. Must not know where they came
//! from. What cannot be of any model is refused here, so that the formulas need not fear it.

use thiserror::Error;

/// Most layers that are believed; the largest known models have fewer than 200.
pub const MOST_LAYERS: u64 = 4096;
/// Largest size of anything else in a model that is believed.
const MOST: u64 = 1 << 32;

/// A value under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Number {
    /// The same for all layers.
    One(u64),
    /// One for each layer.
    Each(Vec<u64>),
}

impl Number {
    /// The value of a layer; 0 beyond the end of a list.
    #[must_use]
    pub fn of(&self, layer: u64) -> u64 {
        match self {
            Self::One(n) => *n,
            Self::Each(list) => {
                let at = usize::try_from(layer).ok();
                at.and_then(|at| list.get(at)).copied().unwrap_or(0)
            }
        }
    }

    /// The largest value.
    #[must_use]
    pub fn largest(&self) -> u64 {
        match self {
            Self::One(n) => *n,
            Self::Each(list) => list.iter().copied().max().unwrap_or(0),
        }
    }
}

/// Why the numbers of a model are of no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Unfit {
    /// A key without which nothing can be computed is missing, or no whole number.
    #[error("it does not say its {0}")]
    Missing(&'static str),
    /// A value is larger than any model has.
    #[error("its {0} is larger than any model has")]
    TooLarge(&'static str),
}

/// State of recurrent layers (Mamba and what follows it), all in numbers of 32 bits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Recurrent {
    /// `ssm.conv_kernel`.
    pub conv_kernel: u64,
    /// `ssm.inner_size`.
    pub inner_size: u64,
    /// `ssm.state_size`.
    pub state_size: u64,
    /// `ssm.group_count`.
    pub group_count: u64,
    /// Every so many layers one has attention (`full_attention_interval`); 0: those with KV heads.
    pub attention_every: u64,
    /// Every layer has a state beside its attention.
    pub beside: bool,
}

/// What a layer keeps for a context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layer {
    /// KV heads of its attention; 0: it has none.
    pub kv_heads: u64,
    /// It sees a window of the context, not all of it.
    pub sliding: bool,
    /// It keeps a state of constant size.
    pub recurrent: bool,
}

/// A model's numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// `general.architecture`, as it stands there: not clean.
    pub architecture: String,
    /// Layers (`block_count`), [`MOST_LAYERS`] at most.
    pub layers: u64,
    /// Tokens of context that it was made for; 0 where it is not said.
    pub context_length: u64,
    /// `embedding_length`.
    pub embedding: u64,
    /// Entries of the vocabulary; 0 where it is not said.
    pub vocabulary: u64,
    /// Heads of attention (`attention.head_count`).
    pub heads: Number,
    /// KV heads (`attention.head_count_kv`), as many as heads where it is not said.
    pub kv_heads: Number,
    /// Numbers of a key (`attention.key_length`), else embedding / heads.
    pub key_length: u64,
    /// Numbers of a value (`attention.value_length`), else embedding / heads.
    pub value_length: u64,
    /// Tokens of the window of layers that slide; 0: none does.
    pub window: u64,
    /// Which layers slide: a 1 each, or every layer but each n-th.
    pub sliding: Number,
    /// Numbers of a token in each layer's common cache of compressed keys and values (MLA): rank + rotary part.
    /// 0: there is none, also in old files that have the rank alone, which servers expand.
    pub compressed: u64,
    /// Recurrent layers, if it has any.
    pub recurrent: Option<Recurrent>,
}

/// Sliding layers of architectures whose files do not say it: every layer but each n-th (llama.cpp,
/// `set_swa_pattern`). Others count as not sliding: then the figure is too high, never too low.
fn pattern(architecture: &str) -> u64 {
    match architecture {
        "gemma2" | "gpt-oss" | "gptoss" => 2,
        "cohere2" | "exaone4" => 4,
        "gemma3n" => 5,
        "gemma3" => 6,
        _ => 1,
    }
}

impl Shape {
    /// Reads the numbers; `get` gives what stands under a whole key such as `llama.block_count`.
    pub fn new(
        architecture: &str,
        vocabulary: Option<u64>,
        get: &dyn Fn(&str) -> Option<Number>,
    ) -> Result<Self, Unfit> {
        let number = |key: &'static str| -> Result<Option<Number>, Unfit> {
            let found = get(&format!("{architecture}.{key}"));
            match found {
                Some(n) if n.largest() > MOST => Err(Unfit::TooLarge(key)),
                found => Ok(found),
            }
        };
        let one = |key| Ok(number(key)?.map_or(0, |n| n.largest()));
        let layers = one("block_count")?;
        if layers == 0 {
            return Err(Unfit::Missing("block_count"));
        }
        if layers > MOST_LAYERS {
            return Err(Unfit::TooLarge("block_count"));
        }
        let embedding = one("embedding_length")?;
        if embedding == 0 {
            return Err(Unfit::Missing("embedding_length"));
        }
        let vocabulary = match vocabulary {
            Some(n) => n,
            None => one("vocab_size")?,
        };
        if vocabulary > MOST {
            return Err(Unfit::TooLarge("vocabulary"));
        }
        let state_size = one("ssm.state_size")?;
        let heads = number("attention.head_count")?;
        if heads.is_none() && state_size == 0 {
            return Err(Unfit::Missing("attention.head_count"));
        }
        let heads = heads.unwrap_or(Number::One(0));
        let kv_heads = number("attention.head_count_kv")?.unwrap_or_else(|| heads.clone());
        let per_head = embedding.checked_div(heads.largest()).unwrap_or(0);
        let length = |key| Ok(number(key)?.map_or(per_head, |n| n.largest()));
        let sliding = number("attention.sliding_window_pattern")?;
        // A file that is made for the compressed cache has lengths of its own for what is expanded.
        let compressed = match one("attention.kv_lora_rank")? {
            rank if rank > 0 && one("attention.key_length_mla")? > 0 => {
                rank + one("rope.dimension_count")?
            }
            _ => 0,
        };
        let interval = one("full_attention_interval")?;
        let recurrent = (state_size > 0).then_some(Recurrent {
            conv_kernel: one("ssm.conv_kernel")?,
            inner_size: one("ssm.inner_size")?,
            state_size,
            group_count: one("ssm.group_count")?,
            // What llama.cpp takes where these do not say it.
            attention_every: match architecture {
                "qwen3next" | "qwen35" | "qwen35moe" if interval == 0 => 4,
                _ => interval,
            },
            beside: architecture == "falcon-h1",
        });
        Ok(Self {
            architecture: architecture.to_owned(),
            layers,
            context_length: one("context_length")?,
            embedding,
            vocabulary,
            key_length: length("attention.key_length")?,
            value_length: length("attention.value_length")?,
            heads,
            kv_heads,
            window: one("attention.sliding_window")?,
            sliding: sliding.unwrap_or_else(|| Number::One(pattern(architecture))),
            compressed,
            recurrent,
        })
    }

    /// Returns what a layer keeps, counted from 0.
    #[must_use]
    pub fn layer(&self, layer: u64) -> Layer {
        let every = self.recurrent.map_or(0, |r| r.attention_every);
        let kv_heads = if every > 0 && !(layer + 1).is_multiple_of(every) {
            0
        } else {
            self.kv_heads.of(layer)
        };
        let sliding = match &self.sliding {
            Number::One(n) => *n > 0 && layer % n + 1 < *n,
            each @ Number::Each(_) => each.of(layer) > 0,
        };
        Layer {
            kv_heads,
            sliding: sliding && self.window > 0,
            recurrent: self.recurrent.is_some_and(|r| r.beside || kv_heads == 0),
        }
    }
}
