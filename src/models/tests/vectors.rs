//! The formulas against published figures of real models, and what must hold for all.

use proptest::prelude::*;

use super::{plain, shape};
use crate::models::{
    CacheType, Load, Memory, Shape,
    ggml::mixture_millibits,
    memory::{DEVICE_BYTES, cache, compute, layer_cache, sliding_cells, slot, state, weights},
    shape::{Number, Recurrent},
};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

fn llama_8b() -> Shape {
    plain(32, 4096, 32, 8, 128_256)
}

fn llama_70b() -> Shape {
    plain(80, 8192, 64, 8, 128_256)
}

fn qwen_7b() -> Shape {
    plain(28, 3584, 28, 4, 152_064)
}

fn gpt_oss_120b() -> Shape {
    let numbers = [
        ("block_count", 36),
        ("embedding_length", 2880),
        ("attention.head_count", 64),
        ("attention.head_count_kv", 8),
        ("attention.key_length", 64),
        ("attention.value_length", 64),
        ("attention.sliding_window", 128),
    ];
    shape("gpt-oss", 201_088, &numbers)
}

fn at(context: u64) -> Load {
    Load {
        context,
        ..Load::default()
    }
}

/// As gguf-parser's tables have it: everything on the device, without flash attention.
fn on_device(shape: &Shape, weights: u64, context: u64) -> u64 {
    let load = Load {
        flash_attention: false,
        ..at(context)
    };
    let all = Memory::new(weights, shape, &load);
    all.weights + all.cache + all.compute + DEVICE_BYTES
}

/// Hundredths of a GiB.
fn gib(hundredths: u64) -> u64 {
    hundredths * GIB / 100
}

/// Within so many thousandths of what was published.
#[track_caller]
fn near(computed: u64, published: u64, permille: u64) {
    let off = computed.abs_diff(published);
    assert!(
        off <= published / 1000 * permille,
        "{computed} for {published}: {} permille",
        off * 1000 / published
    );
}

#[test]
fn caches_of_known_models_are_exact() {
    let full = |shape: &Shape, context| cache(shape, &at(context)).full;
    assert_eq!(full(&qwen_7b(), 2048), 112 * MIB);
    assert_eq!(full(&llama_8b(), 8192), 1_073_741_824);
    // Printed with two places.
    assert_eq!(full(&llama_8b(), 16_000), 2_097_152_000);
    near(full(&llama_8b(), 16_000), gib(195), 2);
    near(full(&llama_8b(), 128_000), gib(1562), 1);
    near(full(&llama_70b(), 16_000), gib(488), 1);
    near(full(&llama_70b(), 128_000), gib(3906), 1);
    let qwen3_coder = [
        ("block_count", 48),
        ("embedding_length", 2048),
        ("attention.head_count", 32),
        ("attention.head_count_kv", 4),
        ("attention.key_length", 128),
        ("attention.value_length", 128),
    ];
    let qwen3_coder = shape("qwen3moe", 151_936, &qwen3_coder);
    assert_eq!(full(&qwen3_coder, 1), 96 * KIB);
}

#[test]
fn a_cache_with_windows_is_exact() {
    let model = gpt_oss_120b();
    let sliding = (0..36).filter(|i| model.layer(*i).sliding).count();
    assert_eq!(sliding, 18);
    assert!(model.layer(0).sliding && !model.layer(35).sliding);
    // 70.88 MiB printed.
    assert_eq!(cache(&model, &at(2016)).full, 70 * MIB + 896 * KIB);
    let one = layer_cache(&model, 8, 128 + 512, &at(2016));
    assert_eq!(18 * one, 22 * MIB + 512 * KIB);
    // Window and step, in steps of 256; a short context has no more than itself.
    assert_eq!(sliding_cells(128, &at(2016)), 768);
    assert_eq!(sliding_cells(128, &at(300)), 512);
    let slots = |unified| Load {
        slots: 3,
        unified,
        ..at(4096)
    };
    assert_eq!(sliding_cells(128, &slots(false)), 3 * 768);
    assert_eq!(sliding_cells(128, &slots(true)), 1024);
    let gemma = [
        ("block_count", 62),
        ("embedding_length", 5376),
        ("attention.head_count", 32),
        ("attention.sliding_window", 1024),
    ];
    let gemma = shape("gemma3", 262_208, &gemma);
    assert_eq!((0..62).filter(|i| !gemma.layer(*i).sliding).count(), 10);
    // Llama files may name a window that no server applies.
    assert!((0..36).all(|i| {
        !Shape {
            window: 128,
            ..llama_8b()
        }
        .layer(i)
        .sliding
    }));
}

#[test]
fn a_compressed_cache_is_exact() {
    let deepseek = |more: &[(&'static str, u64)]| {
        let mut numbers = vec![
            ("block_count", 61),
            ("embedding_length", 7168),
            ("attention.head_count", 128),
            ("attention.kv_lora_rank", 512),
            ("rope.dimension_count", 64),
            ("attention.key_length", 192),
            ("attention.value_length", 128),
        ];
        numbers.extend(more);
        shape("deepseek2", 129_280, &numbers)
    };
    let load = Load {
        keys: CacheType::Q8_0,
        values: CacheType::Q8_0,
        ..at(32_768)
    };
    let compressed = deepseek(&[("attention.key_length_mla", 192)]);
    // 1166.62 MiB printed.
    assert_eq!(cache(&compressed, &load).full, 1166 * MIB + 640 * KIB);
    // Old files are expanded for every head.
    assert_eq!(
        cache(&deepseek(&[]), &at(1)).full,
        61 * 128 * (192 + 128) * 2
    );
}

#[test]
fn a_state_does_not_grow_with_the_context() {
    let numbers = [
        ("block_count", 48),
        ("embedding_length", 2048),
        ("attention.head_count", 16),
        ("attention.head_count_kv", 2),
        ("attention.key_length", 256),
        ("attention.value_length", 256),
        ("ssm.conv_kernel", 4),
        ("ssm.inner_size", 4096),
        ("ssm.state_size", 128),
        ("ssm.group_count", 16),
    ];
    let hybrid = shape("qwen3next", 151_936, &numbers);
    let short = cache(&hybrid, &at(4096));
    let long = cache(&hybrid, &at(262_144));
    // 36 layers: 3 columns of 4096 + 2 * 16 * 128, and 128 * 4096, in 32 bits.
    assert_eq!(short.state, 36 * 4 * (3 * 8192 + 524_288));
    assert_eq!(long.state, short.state);
    assert_eq!(long.full, 64 * short.full);
    assert_eq!(short.full, 12 * 2 * 512 * 2 * 4096);
    let three = Load {
        slots: 3,
        ..at(4096)
    };
    assert_eq!(cache(&hybrid, &three).state, 3 * short.state);
}

#[test]
fn types_of_caches() {
    assert_eq!(CacheType::named("Q8_0"), Some(CacheType::Q8_0));
    assert_eq!(CacheType::named("q9"), None);
    let of = |name| CacheType::named(name).unwrap().size(64);
    let all = [
        "f32", "f16", "bf16", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0", "iq4_nl",
    ];
    assert_eq!(all.map(of), [256, 128, 128, 68, 48, 44, 40, 36, 36]);
    assert_eq!(CacheType::Q4_0.size(33), 19);
    assert_eq!(CacheType::F32.size(u64::MAX), u64::MAX);
}

#[test]
fn buffers_of_known_models() {
    assert_eq!(compute(&qwen_7b(), &at(2048)), 304 * MIB);
    // With all pairs they grow with the context, and never below.
    let pairs = Load {
        flash_attention: false,
        ..at(2048)
    };
    assert!(compute(&llama_70b(), &pairs) > compute(&llama_70b(), &at(2048)));
    assert_eq!(
        compute(
            &qwen_7b(),
            &Load {
                context: 1,
                ..pairs
            }
        ),
        304 * MIB
    );
}

#[test]
fn weights_of_known_models() {
    let of = |parameters, name| weights(parameters, mixture_millibits(name).unwrap());
    near(of(8_030_000_000, "Q4_K_M"), gib(458), 3);
    near(of(8_030_000_000, "q8_0"), gib(795), 3);
    // CodeLlama 34B has 4.79 bits a weight.
    near(weights(33_740_000_000, 4790), 20_200_000_000, 1);
    near(of(33_740_000_000, "Q4_K_M"), 20_200_000_000, 25);
    assert_eq!(weights(u64::MAX, 32_000), u64::MAX);
}

#[test]
fn sums_of_known_models_are_within_five_percent() {
    let uma = |shape: &Shape, context| cache(shape, &at(context)).total() + DEVICE_BYTES;
    // Llama 3.3 70B, Q4_K_M: 39.59 GiB of weights.
    near(on_device(&llama_70b(), gib(3959), 131_072), gib(9586), 5);
    near(uma(&llama_70b(), 131_072), gib(4026), 1);
    near(on_device(&llama_70b(), gib(3959), 2048), gib(4049), 8);
    near(uma(&llama_70b(), 2048), 9065 * MIB / 10, 20);
    // DeepSeek R1 distilled into Qwen 7B.
    let bits = mixture_millibits("Q4_K_M").unwrap();
    let distilled = weights(7_615_616_512, bits);
    near(on_device(&qwen_7b(), distilled, 131_072), gib(1889), 5);
    near(uma(&qwen_7b(), 131_072), gib(730), 10);
    // Qwen 2.5 72B: 5.22 bits a weight.
    let qwen_72b = plain(80, 8192, 64, 8, 152_064);
    let weights_72b = weights(72_706_203_648, 5220);
    near(on_device(&qwen_72b, weights_72b, 32_768), gib(5818), 10);
    near(uma(&qwen_72b, 32_768), gib(1031), 10);
    // Llama 3 8B.
    let bits = mixture_millibits("Q5_K_M").unwrap();
    let weights_8b = weights(8_030_261_248, bits);
    near(on_device(&llama_8b(), weights_8b, 8192), gib(704), 20);
    near(uma(&llama_8b(), 8192), gib(125), 10);
}

#[test]
fn what_one_more_agent_costs() {
    let load = at(32_768);
    assert_eq!(slot(&llama_8b(), &load), 4 * GIB);
    // A unified cache shares the windows' step; the full layers' part is a slot's.
    let shared = Load {
        unified: true,
        ..load
    };
    let model = gpt_oss_120b();
    let full = cache(&model, &load).full;
    assert!(slot(&model, &load) > full && slot(&model, &shared) >= full);
    assert!(slot(&model, &shared) < slot(&model, &load));
}

fn any_type() -> impl Strategy<Value = CacheType> {
    prop_oneof![
        Just(CacheType::F32),
        Just(CacheType::F16),
        Just(CacheType::Q8_0),
        Just(CacheType::Q5_1),
        Just(CacheType::Q4_0)
    ]
}

/// Sizes as models have them, and the largest that a type holds.
fn size() -> impl Strategy<Value = u64> {
    prop_oneof![4 => 0..10_000_u64, 1 => any::<u64>()]
}

prop_compose! {
    fn any_shape()(
        layers in 1..40_u64,
        sizes in prop::array::uniform7(size()),
        each in prop::collection::vec(size(), 0..40),
        sliding in prop_oneof![Just(Number::One(6)), Just(Number::Each(vec![1, 0, 1])), size().prop_map(Number::One)],
        compressed in prop_oneof![3 => Just(0), 1 => size()],
        recurrent in prop::option::of((prop::array::uniform5(size()), any::<bool>())),
    ) -> Shape {
        let [embedding, vocabulary, heads, key_length, value_length, window, context_length] = sizes;
        Shape {
            architecture: String::new(),
            layers,
            context_length,
            embedding,
            vocabulary,
            heads: Number::One(heads),
            kv_heads: if each.is_empty() { Number::One(heads) } else { Number::Each(each) },
            key_length,
            value_length,
            window,
            sliding,
            compressed,
            recurrent: recurrent.map(|(n, beside)| Recurrent {
                conv_kernel: n[0],
                inner_size: n[1],
                state_size: n[2],
                group_count: n[3],
                attention_every: n[4],
                beside,
            }),
        }
    }
}

prop_compose! {
    fn any_load()(
        context in size(), slots in size(), unified in any::<bool>(), keys in any_type(),
        values in any_type(), flash_attention in any::<bool>(), batch in size(),
    ) -> Load {
        Load { context, slots, unified, keys, values, flash_attention, batch }
    }
}

proptest! {
    /// Debug builds end where a sum runs over: none does, and more never takes less.
    #[test]
    fn more_context_slots_or_weights_never_take_less(
        shape in any_shape(), load in any_load(), held in size(), more in size(),
    ) {
        let all = |weights, load: &Load| Memory::new(weights, &shape, load).total();
        let now = all(held, &load);
        let longer = Load { context: load.context.saturating_add(more), ..load };
        let wider = Load { slots: load.slots.saturating_add(more), ..load };
        prop_assert!(all(held, &longer) >= now);
        prop_assert!(all(held, &wider) >= now);
        prop_assert!(all(held.saturating_add(more), &load) >= now);
        let next = Load { slots: load.slots.saturating_add(1), ..load };
        prop_assert!(slot(&shape, &load) <= all(0, &next));
        prop_assert!(shape.recurrent.is_none_or(|r| state(&r) >= r.state_size.min(r.inner_size)));
    }
}
