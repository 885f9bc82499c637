//! What names say, against models whose sizes are known.

use crate::models::{by_name, lacking};

#[test]
fn what_the_documents_promise_cannot_be() {
    // CodeLlama 34B for three sub-agents in 12 GB: weights of 20.2 GB as servers have it, 14.2 GB in Q2_K.
    for name in [
        "codellama:34b",
        "CodeLlama 34B",
        "CodeLlama-34B-Instruct-GGUF",
    ] {
        for bytes in [11_976 << 20, 12_000_000_000, 12 << 30] {
            let need = lacking(name, bytes).unwrap_or_else(|| panic!("{name} in {bytes}"));
            assert!(need.least_bytes < 14_200_000_000, "{need:?}");
            assert!((20_200_000_000..21_500_000_000).contains(&need.usual_bytes));
        }
        assert_eq!(lacking(name, 14_200_000_000), None);
    }
    // About right in the documents: it is not complained of.
    assert_eq!(lacking("qwen2.5:32b", 23_900 << 20), None);
    // A cloud's model needs none.
    assert_eq!(lacking("claude-sonnet-4-5", 1), None);
}

#[test]
fn no_real_file_is_below_its_least() {
    let real = [
        ("codellama:34b-instruct-q4_K_M", 20_200_000_000),
        ("codellama:34b-instruct-q8_0", 35_800_000_000),
        ("codellama:34b-instruct-q2_K", 14_200_000_000),
        ("qwen2.5-coder:7b", 4_683_073_536),
        ("qwen2.5-coder:7b-q8_0", 8_100_000_000),
        ("Qwen2.5-Coder-14B.Q4_K_M.gguf", 8_990_000_000),
        ("qwen2.5-coder:32b-instruct-q8_0", 34_800_000_000),
        ("qwen3-coder:30b-a3b-q4_K_M", 18_556_689_568),
        ("Qwen3-Coder-30B-A3B-Instruct-Q6_K", 25_092_535_456),
        ("DeepSeek-Coder-V2-Lite-16B-Q4_K_M", 10_400_000_000),
        ("devstral:24b-small-2507-q4_K_M", 14_333_915_904),
        ("gpt-oss:20b", 12_109_566_560),
        ("gpt-oss-20b-Q4_K_M", 11_600_000_000),
        ("gpt-oss-20b-F16.gguf", 13_800_000_000),
        ("llama3.1:8b-instruct-q4_K_M", 4_917_000_000),
        ("llama3.3:70b", 42_509_000_000),
        ("gemma3:27b", 17_000_000_000),
        ("gemma3_12b_q4_k_m", 8_100_000_000),
        ("glm-4.7-flash:30b", 19_000_000_000),
        ("mixtral:8x7b-instruct-v0.1-q4_K_M", 26_440_000_000),
        ("mixtral:8x22b-q4_0", 79_500_000_000),
    ];
    for (name, bytes) in real {
        let need = by_name(name).unwrap_or_else(|| panic!("{name}"));
        assert!(need.least_bytes <= bytes, "{name}: {need:?}");
        // And not so low that it says nothing.
        assert!(need.least_bytes >= bytes * 4 / 9, "{name}: {need:?}");
        assert_eq!(lacking(name, bytes), None);
    }
}

#[test]
fn sizes_and_mixtures_in_names() {
    let said = |name: &str| by_name(name).map(|n| (n.parameters / 1_000_000, n.millibits));
    assert_eq!(said("qwen2.5-coder:1.5b"), Some((1500, None)));
    assert_eq!(said("qwen2.5-coder:7b-q8_0"), Some((7000, Some(8501))));
    assert_eq!(
        said("smollm2:135m-instruct-fp16"),
        Some((135, Some(16_000)))
    );
    assert_eq!(
        said("mlx-community/Qwen3-4B-4bit"),
        Some((4000, Some(4000)))
    );
    assert_eq!(
        said("models/llama-3.1-8b.Q4_K_M.gguf"),
        Some((8000, Some(4894)))
    );
    assert_eq!(said("deepseek_r1_7.1b_iq4_xs"), Some((7100, Some(4460))));
    // Active weights, lengths of context and versions are no sizes.
    assert_eq!(said("qwen3:235b-a22b"), Some((235_000, None)));
    assert_eq!(said("Qwen2.5-14B-Instruct-1M"), Some((14_000, None)));
    assert_eq!(said("mixtral:8x7b"), Some((44_800, None)));
    for none in [
        "",
        "b",
        "qwen3-coder",
        "gpt-5.2",
        "opus-4.5",
        "gpt-oss:120b-cloud",
        "0b",
        "x7b",
        "-7b",
        "1m",
        "9999999b",
        "8x",
        "7.b.",
        "1.2345b",
        "ｂ７b",
        "99999999999999999999b",
    ] {
        if none == "-7b" {
            // A sign is no part of a number here.
            assert_eq!(said(none), Some((7000, None)));
        } else {
            assert_eq!(said(none), None, "{none}");
        }
    }
}

proptest::proptest! {
    #[test]
    fn any_name_has_a_bound_or_none(name in "\\PC{0,40}", digits in "[0-9x._beam:-]{0,20}") {
        for name in [name, digits] {
            if let Some(need) = by_name(&name) {
                assert!(need.least_bytes < need.usual_bytes, "{name}: {need:?}");
            }
        }
    }
}
