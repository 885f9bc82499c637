//! What is known of model servers, whatever they speak and however they behave.

use std::time::{Duration, Instant};

use wavedeck::{
    models::{
        client::Limits,
        look::{Look, Question, Seen, Unload, look, unload},
        servers::Api,
    },
    plan::{Address, ModelApi},
};

use crate::model_server::holds::{Holder, MODEL, Speaks, Wrong};

fn quick() -> Limits {
    Limits {
        silence: Duration::from_millis(300),
        overall: Duration::from_millis(500),
        ..Limits::default()
    }
}

fn seen(url: &str, api: ModelApi, in_use: bool) -> Result<Look, String> {
    let names = [MODEL.to_owned()];
    look(&Question {
        at: &Address::parse(url).unwrap(),
        api,
        names: &names,
        in_use,
        limits: &quick(),
    })
}

const ALL: [(Speaks, ModelApi, Unload); 6] = [
    (Speaks::Ollama, ModelApi::Ollama, Unload::Asked(Api::Ollama)),
    (Speaks::Llama, ModelApi::LlamaServer, Unload::Never),
    (
        Speaks::Router,
        ModelApi::LlamaServer,
        Unload::Asked(Api::LlamaRouter),
    ),
    (
        Speaks::Studio,
        ModelApi::LmStudio,
        Unload::Asked(Api::LmStudio),
    ),
    (
        Speaks::OlderStudio,
        ModelApi::LmStudio,
        Unload::Asked(Api::LmStudio),
    ),
    (Speaks::OpenAi, ModelApi::OpenAi, Unload::Never),
];

#[test]
fn each_server_says_what_it_holds_in_its_own_way() {
    for (speaks, api, how) in ALL {
        let server = Holder::start(speaks);
        server.set(|book| book.busy = 1);
        let one = |in_use| -> Seen {
            let look = seen(&server.url(), api, in_use).unwrap();
            assert_eq!((look.unload, look.others), (how, 0), "{speaks:?}");
            look.seen[0].clone()
        };
        let idle = one(false);
        assert!(idle.loaded && !idle.sleeping, "{speaks:?}");
        // That question counts as use: nobody asks it of a server that might sleep.
        assert_eq!(idle.busy, None, "{speaks:?}");
        let of_slots = |book: &crate::model_server::holds::Book| {
            book.asked.iter().any(|path| path.starts_with("/slots"))
        };
        server.set(|book| assert!(!of_slots(book), "{speaks:?}"));
        let used = one(true);
        let counts = matches!(speaks, Speaks::Llama | Speaks::Router);
        assert_eq!(used.busy, counts.then_some(1), "{speaks:?}");
        if counts || speaks == Speaks::Studio {
            assert_eq!(used.slots, Some(2), "{speaks:?}");
        }
        if speaks == Speaks::Ollama {
            assert_eq!(used.told_bytes, Some(64 << 20));
        }
        if counts {
            server.set(|book| book.sleeping = true);
            let asleep = one(true);
            assert!(!asleep.loaded && asleep.sleeping, "{speaks:?}");
            server.set(|book| book.sleeping = false);
        }
        let Unload::Asked(words) = how else {
            continue;
        };
        if speaks == Speaks::OlderStudio {
            // It has no such request: it says no.
            let at = Address::parse(&server.url()).unwrap();
            let why = unload(&at, words, &used.called, &quick()).unwrap_err();
            assert!(why.contains("404"), "{why}");
            continue;
        }
        let at = Address::parse(&server.url()).unwrap();
        unload(&at, words, &used.called, &quick()).unwrap();
        assert!(!one(true).loaded, "{speaks:?}");
    }
}

#[test]
fn a_server_that_does_wrong_is_not_known_and_takes_no_longer_than_its_limit() {
    for (speaks, api, _) in ALL {
        let server = Holder::start(speaks);
        for (wrong, says) in [
            (Wrong::Hung, "time"),
            (Wrong::Slow, "time"),
            (Wrong::Busy, "429"),
            (Wrong::Garbage, "JSON"),
        ] {
            server.set(|book| book.wrong = Some(wrong));
            let began = Instant::now();
            let why = seen(&server.url(), api, true).unwrap_err();
            // Two questions at most, with room for a machine that is busy.
            assert!(
                began.elapsed() < Duration::from_secs(4),
                "{speaks:?} {wrong:?}"
            );
            assert!(why.contains(says), "{speaks:?} {wrong:?}: {why}");
        }
        let url = server.url();
        drop(server);
        assert!(seen(&url, api, true).is_err(), "{speaks:?}");
    }
}

#[test]
fn lies_about_sizes_are_no_figures() {
    let server = Holder::start(Speaks::Ollama);
    server.set(|book| book.wrong = Some(Wrong::Lies));
    let look = seen(&server.url(), ModelApi::Ollama, true).unwrap();
    assert_eq!((look.seen[0].loaded, look.seen[0].told_bytes), (true, None));
    assert_eq!((look.others, look.others_bytes), (1, 0));
}
