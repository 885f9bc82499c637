//! Answers of servers: as they are documented and were seen, and as a hostile one would send them.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::models::{
    Load, Unfit,
    memory::cache,
    servers::{
        AnswerError, Api, MOST_BYTES, MOST_MODELS, Model, Presence,
        llama::{Health, Slots, health, models, props, slots},
        lm_studio::instances,
        ollama::{running, shown, stored},
    },
};

/// The example of docs.ollama.com.
const PS: &str = r#"{"models":[{"name":"gemma3","model":"gemma3","size":6591830464,
"digest":"a2af6cc3eb7fa8be8504abaf9b04e88f17a119ec3f04a3addf55f92841195f5a",
"details":{"parent_model":"","format":"gguf","family":"gemma3","families":["gemma3"],"parameter_size":"4.3B",
"quantization_level":"Q4_K_M"},"expires_at":"2025-10-17T16:47:07.93355-07:00","size_vram":5333539264,
"context_length":4096}]}"#;

fn one(all: Result<Vec<Model>, AnswerError>) -> Model {
    let mut all = all.unwrap();
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

#[test]
fn ollama_says_what_runs() {
    let model = one(running(PS.as_bytes()));
    assert_eq!(
        (model.name.as_str(), model.presence),
        ("gemma3", Presence::Loaded)
    );
    assert_eq!(
        (model.bytes, model.vram_bytes),
        (Some(6_591_830_464), Some(5_333_539_264))
    );
    assert_eq!(model.host_bytes(), Some(1_258_291_200));
    assert_eq!(
        (model.context, model.until),
        (Some(4096), Some(1_760_744_827))
    );
    assert_eq!(model.quantisation.as_deref(), Some("Q4_K_M"));
    assert_eq!(running(b"{\"models\":[]}"), Ok(vec![]));
    // On the disk: the same list, and no word of memory.
    let model = one(stored(PS.as_bytes()));
    assert_eq!((model.presence, model.bytes), (Presence::Unknown, None));
    assert_eq!(model.file_bytes, Some(6_591_830_464));
}

#[test]
fn ollama_says_what_a_model_is() {
    let answer = json!({
        "modelfile": "# …", "details": {"family": "llama", "quantization_level": "Q4_0"},
        "model_info": {
            "general.architecture": "llama", "general.file_type": 2,
            "general.parameter_count": 8_030_261_248_u64,
            "llama.attention.head_count": 32, "llama.attention.head_count_kv": 8,
            "llama.block_count": 32, "llama.context_length": 8192, "llama.embedding_length": 4096,
            "llama.rope.freq_base": 500_000.5, "llama.vocab_size": 128_256,
            "tokenizer.ggml.merges": null, "tokenizer.ggml.tokens": null,
        },
    });
    let found = shown(answer.to_string().as_bytes()).unwrap();
    assert_eq!(found.parameters, Some(8_030_261_248));
    assert_eq!(found.quantisation.as_deref(), Some("Q4_0"));
    let shape = found.shape.unwrap();
    assert_eq!((shape.vocabulary, shape.context_length), (128_256, 8192));
    let load = Load {
        context: 8192,
        ..Load::default()
    };
    assert_eq!(cache(&shape, &load).total(), 1 << 30);
    let lies = |key: &str, value: Value| {
        let mut answer = answer.clone();
        answer["model_info"][key] = value;
        shown(answer.to_string().as_bytes())
    };
    let large = lies("llama.block_count", json!(u64::MAX)).unwrap().shape;
    assert_eq!(large, Err(Unfit::TooLarge("block_count")));
    let minus = lies("llama.block_count", json!(-1)).unwrap().shape;
    assert_eq!(minus, Err(Unfit::Missing("block_count")));
    let heads = lies("llama.attention.head_count_kv", json!([8, "x"])).unwrap();
    // What cannot be read counts as not said: as many as heads.
    assert_eq!(heads.shape.unwrap().kv_heads.of(0), 32);
    assert_eq!(
        lies("general.architecture", json!(7)),
        Err(AnswerError::Other)
    );
    assert_eq!(shown(b"{}"), Err(AnswerError::Other));
}

#[test]
fn llama_server_says_how_it_is() {
    assert_eq!(health(200, b"{\"status\":\"ok\"}"), Health::Ready);
    let loading = br#"{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}"#;
    assert_eq!(health(503, loading), Health::Loading);
    assert_eq!(health(503, b"<html>busy"), Health::Failing);
    assert_eq!(health(500, loading), Health::Failing);

    let answer = json!({
        "default_generation_settings": {"id": 0, "n_ctx": 65536, "params": {}},
        "total_slots": 4, "model_alias": "tiny", "model_path": "/models/tiny.gguf",
        "chat_template": "{{ x }}", "build_info": "b8681", "is_sleeping": true,
    });
    let found = props(answer.to_string().as_bytes()).unwrap();
    assert_eq!((found.slots, found.context), (Some(4), Some(65536)));
    assert_eq!(found.model_path.as_deref(), Some("/models/tiny.gguf"));
    assert!(found.sleeping && !found.router);
    assert!(props(b"{\"role\":\"router\"}").unwrap().router);
    assert_eq!(props(b"{\"models\":[]}"), Err(AnswerError::Other));
    assert_eq!(props(b"[]"), Err(AnswerError::Other));

    let answer = br#"[{"id":0,"id_task":135,"n_ctx":65536,"speculative":false,"is_processing":true,"params":{}},
        {"id":1,"n_ctx":65536,"is_processing":false},{"id":2,"is_processing":"yes"}]"#;
    let expected = Slots {
        total: 3,
        busy: 1,
        context: Some(65536),
    };
    assert_eq!(slots(answer), Ok(expected));
    assert_eq!(slots(b"[1,2]"), Err(AnswerError::Other));
    // Where slots are switched off.
    assert_eq!(slots(br#"{"error":{"code":501}}"#), Err(AnswerError::Other));
}

#[test]
fn a_router_says_what_it_loaded() {
    let args = json!(["llama-server", "--ctx-size", "8192", "-np", "2"]);
    let shared = json!(["llama-server", "-c", "8192", "-np", "2", "-kvu"]);
    let answer = json!({"data": [
        {"id": "a:Q4_K_M", "in_cache": true, "path": "/a", "status": {"value": "loaded", "args": args}},
        {"id": "b", "status": {"value": "unloaded"}},
        {"id": "c", "status": {"value": "unloaded", "failed": true, "exit_code": 1, "args": ["-c"]}},
        {"id": "d", "status": {"value": "loading"}},
        {"id": "e", "status": {"value": "sleeping", "args": shared}},
        {"id": "f"},
        {"id": ""}, {"id": 7}, 7,
    ]});
    let all = models(answer.to_string().as_bytes()).unwrap();
    let presence: Vec<_> = all.iter().map(|m| m.presence).collect();
    let expected = [
        Presence::Loaded,
        Presence::Unloaded,
        Presence::Failed,
        Presence::Loading,
        Presence::Sleeping,
        Presence::Unknown,
    ];
    assert_eq!(presence, expected);
    assert_eq!((all[0].context, all[0].slots), (Some(4096), Some(2)));
    assert_eq!((all[4].context, all[4].slots), (Some(8192), Some(2)));
    assert!(all[0].is_loaded() && all[3].is_loaded() && !all[4].is_loaded());
}

#[test]
fn lm_studio_says_what_it_loaded() {
    let old = json!({"object": "list", "data": [
        {"id": "qwen2-vl-7b-instruct", "object": "model", "type": "vlm", "quantization": "4bit",
         "state": "not-loaded", "max_context_length": 32768},
        {"id": "granite-3.0-2b", "state": "loaded", "loaded_context_length": 4096, "max_context_length": 131_072},
    ]});
    let all = Api::LmStudio.models(old.to_string().as_bytes()).unwrap();
    assert_eq!(
        (all[0].presence, all[0].context),
        (Presence::Unloaded, None)
    );
    assert_eq!(all[0].quantisation.as_deref(), Some("4bit"));
    assert_eq!(
        (all[1].presence, all[1].context),
        (Presence::Loaded, Some(4096))
    );
    let new = json!({"models": [
        {"type": "llm", "key": "google/gemma-4-26b-a4b", "size_bytes": 17_990_911_801_u64,
         "quantization": {"name": "Q4_K_M", "bits_per_weight": 4},
         "loaded_instances": [{"id": "g", "config": {"context_length": 4096, "parallel": 4}}, {"id": "g:2"}, {}]},
        {"type": "embedding", "key": "nomic", "loaded_instances": []},
    ]});
    let all = instances(new.to_string().as_bytes()).unwrap();
    let names: Vec<_> = all
        .iter()
        .map(|m| (m.name.as_str(), m.is_loaded()))
        .collect();
    assert_eq!(names, [("g", true), ("g:2", true), ("nomic", false)]);
    assert_eq!((all[0].context, all[0].slots), (Some(4096), Some(4)));
    assert_eq!(all[0].file_bytes, Some(17_990_911_801));
    assert_eq!(all[0].quantisation.as_deref(), Some("Q4_K_M"));
}

#[test]
fn any_other_says_its_models() {
    let answer = json!({"object": "list", "data": [
        {"id": "tiny.gguf", "object": "model", "owned_by": "llamacpp", "meta": {"n_vocab": 354, "n_ctx_train": 4096,
         "n_embd": 256, "n_params": 3_600_000, "size": 7_200_000, "n_ctx": 2048}},
    ]});
    let answer = answer.to_string();
    let model = one(Api::Llama.models(answer.as_bytes()));
    assert_eq!(
        (model.presence, model.file_bytes),
        (Presence::Loaded, Some(7_200_000))
    );
    assert_eq!(
        (model.parameters, model.context),
        (Some(3_600_000), Some(2048))
    );
    assert_eq!(
        one(Api::OpenAi.models(answer.as_bytes())).presence,
        Presence::Unknown
    );
    let vllm = br#"{"data":[{"id":"m","max_model_len":32768}]}"#;
    assert_eq!(one(Api::OpenAi.models(vllm)).context, Some(32768));
}

#[test]
fn what_unloads_a_model() {
    let hostile = "m\", \"keep_alive\": -1, \"x\": \"\n";
    let body = |api: Api| {
        let request = api.unload(hostile).unwrap();
        assert_eq!(request.method, "POST");
        let body: Value = serde_json::from_str(&request.body).unwrap();
        (request.path.into_owned(), body)
    };
    let ollama = json!({"model": hostile, "keep_alive": 0, "stream": false});
    assert_eq!(body(Api::Ollama), ("/api/generate".into(), ollama));
    assert_eq!(
        body(Api::LlamaRouter),
        ("/models/unload".into(), json!({"model": hostile}))
    );
    let studio = json!({"instance_id": hostile});
    assert_eq!(
        body(Api::LmStudio),
        ("/api/v1/models/unload".into(), studio)
    );
    assert_eq!(Api::Llama.unload("m"), None);
    assert_eq!(Api::OpenAi.unload("m"), None);
    assert_eq!(Api::Ollama.list().path, "/api/ps");
}

const ALL: [Api; 5] = [
    Api::Ollama,
    Api::Llama,
    Api::LlamaRouter,
    Api::LmStudio,
    Api::OpenAi,
];

#[test]
fn lies_read_as_nothing() {
    for size in [
        "-1",
        "1e300",
        "1.5",
        "18446744073709551615",
        "\"7\"",
        "null",
        "[]",
        "0",
    ] {
        let answer = PS.replace("6591830464", size).replace("4096", size);
        let model = one(running(answer.as_bytes()));
        assert_eq!(
            (model.bytes, model.vram_bytes, model.context),
            (None, None, None),
            "{size}"
        );
        assert_eq!(model.host_bytes(), None);
    }
    // A part that is larger than all.
    let model = one(running(PS.replace("5333539264", "6591830465").as_bytes()));
    assert_eq!(
        (model.vram_bytes, model.host_bytes()),
        (None, Some(6_591_830_464))
    );
    let model = one(running(PS.replace("2025-10-17T", "soon ").as_bytes()));
    assert_eq!(model.until, None);
    let long = PS.replace("\"gemma3\"", &format!("\"{}\"", "x".repeat(600)));
    assert_eq!(running(long.as_bytes()), Ok(vec![]));
}

#[test]
fn what_is_no_answer_is_an_error() {
    let deep = "[".repeat(100_000);
    let large = vec![b' '; MOST_BYTES + 1];
    for api in ALL {
        assert_eq!(api.models(b""), Err(AnswerError::NotJson));
        assert_eq!(api.models(b"<html>"), Err(AnswerError::NotJson));
        assert_eq!(api.models(b"\xff\xfe"), Err(AnswerError::NotJson));
        assert_eq!(api.models(deep.as_bytes()), Err(AnswerError::NotJson));
        assert_eq!(api.models(&large), Err(AnswerError::TooLong));
        for other in ["{}", "[]", "null", "{\"models\":7,\"data\":{}}"] {
            assert_eq!(
                api.models(other.as_bytes()),
                Err(AnswerError::Other),
                "{api:?} {other}"
            );
        }
    }
    let item = "{\"id\":\"m\",\"name\":\"m\",\"key\":\"m\"},".repeat(MOST_MODELS + 9);
    let many = format!("{{\"models\":[{item}7],\"data\":[{item}7]}}");
    for api in ALL {
        assert_eq!(api.models(many.as_bytes()).unwrap().len(), MOST_MODELS);
    }
    assert_eq!(instances(many.as_bytes()).unwrap().len(), MOST_MODELS);
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        prop::sample::select(vec![
            "loaded",
            "-c",
            "-np",
            "0",
            "8192",
            "llama",
            "2025-01-01T00:00:00Z"
        ])
        .prop_map(Value::from),
    ];
    let keys = vec![
        "models",
        "data",
        "name",
        "id",
        "key",
        "status",
        "value",
        "args",
        "size",
        "size_vram",
        "details",
        "context_length",
        "expires_at",
        "meta",
        "n_ctx",
        "loaded_instances",
        "config",
        "model_info",
        "general.architecture",
        "llama.block_count",
        "llama.embedding_length",
        "total_slots",
        "default_generation_settings",
        "is_processing",
        "state",
        "quantization",
        "error",
        "message",
    ];
    leaf.prop_recursive(5, 64, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((prop::sample::select(keys.clone()), inner), 0..8).prop_map(
                |all| { Value::Object(all.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()) }
            ),
        ]
    })
}

proptest! {
    #[test]
    fn any_answer_ends_in_figures_or_an_error(value in any_json(), cut in any::<prop::sample::Index>()) {
        let answers = [
            value.to_string(),
            json!({"models": value, "data": value}).to_string(),
            json!({"models": [value], "data": [value], "model_info": value}).to_string(),
        ];
        for whole in answers {
            let bytes = whole.as_bytes();
            for answer in [bytes, &bytes[..cut.index(bytes.len())]] {
                for api in ALL {
                    for model in api.models(answer).unwrap_or_default() {
                        prop_assert!(model.vram_bytes.unwrap_or(0) <= model.bytes.unwrap_or(0));
                    }
                }
                let _ = (instances(answer), stored(answer), shown(answer));
                let _ = (health(503, answer), props(answer));
                if let Ok(slots) = slots(answer) {
                    prop_assert!(slots.busy <= slots.total);
                }
            }
        }
    }
}
