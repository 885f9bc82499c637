//! Models that the tests speak of: their numbers, and files with nothing but a header.

mod answers;
mod files;
mod names;
mod vectors;

use super::shape::{Number, Shape};

/// The numbers of a model: architecture, then keys without it.
fn shape(architecture: &str, vocabulary: u64, numbers: &[(&str, u64)]) -> Shape {
    let get = |key: &str| {
        let rest = key.strip_prefix(architecture)?.strip_prefix('.')?;
        let found = numbers.iter().find(|(known, _)| *known == rest);
        found.map(|(_, n)| Number::One(*n))
    };
    Shape::new(architecture, Some(vocabulary), &get).unwrap()
}

/// A model of plain attention.
fn plain(layers: u64, embedding: u64, heads: u64, kv_heads: u64, vocabulary: u64) -> Shape {
    let numbers = [
        ("block_count", layers),
        ("embedding_length", embedding),
        ("attention.head_count", heads),
        ("attention.head_count_kv", kv_heads),
    ];
    shape("llama", vocabulary, &numbers)
}

/// A file in the making.
#[derive(Default, Clone)]
struct File {
    keys: u64,
    values: Vec<u8>,
    tensors: u64,
    infos: Vec<u8>,
}

impl File {
    fn bytes(to: &mut Vec<u8>, text: &[u8]) {
        to.extend((text.len() as u64).to_le_bytes());
        to.extend(text);
    }

    fn key(mut self, key: &str, kind: u32, value: &[u8]) -> Self {
        self.keys += 1;
        Self::bytes(&mut self.values, key.as_bytes());
        self.values.extend(kind.to_le_bytes());
        self.values.extend(value);
        self
    }

    fn number(self, key: &str, value: u32) -> Self {
        self.key(key, 4, &value.to_le_bytes())
    }

    fn text(self, key: &str, text: &[u8]) -> Self {
        let mut value = Vec::new();
        Self::bytes(&mut value, text);
        self.key(key, 8, &value)
    }

    fn list(self, key: &str, kind: u32, count: u64, items: &[u8]) -> Self {
        let mut value = kind.to_le_bytes().to_vec();
        value.extend(count.to_le_bytes());
        value.extend(items);
        self.key(key, 9, &value)
    }

    /// A vocabulary of so many tokens, with the scores and kinds that go with it.
    fn vocabulary(self, count: u64) -> Self {
        let mut tokens = Vec::new();
        for i in 0..count {
            Self::bytes(&mut tokens, format!("token{i}").as_bytes());
        }
        let four = usize::try_from(count * 4).unwrap();
        self.list("tokenizer.ggml.tokens", 8, count, &tokens)
            .list("tokenizer.ggml.scores", 6, count, &vec![0; four])
            .list("tokenizer.ggml.token_type", 5, count, &vec![1; four])
    }

    fn tensor(mut self, name: &str, dimensions: &[u64], kind: u32) -> Self {
        self.tensors += 1;
        Self::bytes(&mut self.infos, name.as_bytes());
        self.infos
            .extend(u32::try_from(dimensions.len()).unwrap().to_le_bytes());
        for d in dimensions {
            self.infos.extend(d.to_le_bytes());
        }
        self.infos.extend(kind.to_le_bytes());
        self.infos.extend([0; 8]);
        self
    }

    fn build(&self, version: u32) -> Vec<u8> {
        let mut all = b"GGUF".to_vec();
        all.extend(version.to_le_bytes());
        all.extend(self.tensors.to_le_bytes());
        all.extend(self.keys.to_le_bytes());
        all.extend(&self.values);
        all.extend(&self.infos);
        all
    }
}

/// A small whole model: two layers, heads for each, ten tokens, three tensors.
fn small() -> File {
    let heads: Vec<u8> = [4_i32, 0].iter().flat_map(|n| n.to_le_bytes()).collect();
    File::default()
        .text("general.architecture", b"granitehybrid")
        .text("general.name", b"Small \x1b[31m\xff model")
        .number("general.file_type", 15)
        .number("granitehybrid.block_count", 2)
        .number("granitehybrid.context_length", 4096)
        .number("granitehybrid.embedding_length", 256)
        .number("granitehybrid.attention.head_count", 4)
        .list("granitehybrid.attention.head_count_kv", 5, 2, &heads)
        .number("granitehybrid.ssm.conv_kernel", 4)
        .number("granitehybrid.ssm.inner_size", 512)
        .number("granitehybrid.ssm.state_size", 128)
        .number("granitehybrid.ssm.group_count", 1)
        .key("granitehybrid.rope.freq_base", 6, &1e4_f32.to_le_bytes())
        .key("general.secret", 11, &(-1_i64).to_le_bytes())
        .vocabulary(10)
        .tensor("token_embd.weight", &[256, 10], 12)
        .tensor("blk.0.attn_q.weight", &[256, 256], 14)
        .tensor("output_norm.weight", &[256], 0)
}
