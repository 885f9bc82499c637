//! An addition on its way from a client to the loop, on a thread of its own: it reads a whole plan.
//!
//! Must not keep the client's own thread: who adds may go on asking.

use std::{
    sync::{Arc, Mutex, mpsc},
    thread,
};

use crate::{
    engine::Addition,
    runtime::{
        adding::{Adding, said},
        turns::Msg,
    },
    sys::locked,
};

/// Reads what is wanted and hands it to the loop; `answer` gets the number of its event, or why not.
pub(super) fn start(
    adding: &Arc<Mutex<Adding>>,
    to_loop: &mpsc::Sender<Msg>,
    (by, wanted): (String, Option<Box<Addition>>),
    answer: impl FnOnce(Result<u64, String>) + Send + 'static,
) {
    let (adding, to_loop) = (adding.clone(), to_loop.clone());
    // Without a thread nobody answers, and the client sees that the runner is at its limit.
    let _ = thread::Builder::new().name("add".into()).spawn(move || {
        let wanted = wanted.unwrap_or_default();
        // Held until the loop has answered: the next one begins with what this one has added.
        let adding = locked(&adding);
        let result = adding.read(&wanted).and_then(|extension| {
            let (reply, answered) = mpsc::channel();
            let _ = to_loop.send(Msg::Add {
                by,
                extension: Box::new(extension),
                reply: Box::new(move |result| drop(reply.send(result))),
            });
            let ended = |_| Err("the run has ended".to_owned());
            answered.recv().unwrap_or_else(ended)
        });
        drop(adding);
        answer(result.map_err(|why| said(&why)));
    });
}
