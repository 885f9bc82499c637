//! Bare `wavedeck`: with one live run here it attaches, else it says what there is to do.

use super::{
    args::Global,
    deck,
    error::{Error, Outcome, status},
    find, launch, out, plain,
};
use crate::{display::spoken, journal::render_runs};

const WELCOME: &str = "\
wavedeck runs many coding agents in parallel within this machine's memory.

  wavedeck demo           see it at work: simulated agents, under a minute
  wavedeck init           write a short plan here
  wavedeck check          validate it
  wavedeck plan           its waves, schedule and resources
  wavedeck run            run it
  wavedeck --help         everything else
";

/// Home.
pub fn home(global: &Global) -> Outcome {
    let recorded = find::store()
        .ok()
        .and_then(|store| Some((store.live().ok()?, store.list().ok()?)));
    let Some((live, runs)) = recorded else {
        return say(WELCOME);
    };
    match live.as_slice() {
        [one] if global.plain && plain::can_talk() => plain::open(&one.path, &one.id),
        [one] if !launch::without_screen(global.plain) => deck::open(&one.path, &one.id, global),
        _ if runs.is_empty() => say(WELCOME),
        _ => {
            let now = i64::try_from(
                std::time::SystemTime::now()
                    .duration_since(std::time::UNIX_EPOCH)
                    .unwrap_or_default()
                    .as_millis(),
            )
            .unwrap_or(i64::MAX);
            let shown = &runs[..runs.len().min(10)];
            let list = render_runs(
                shown,
                now,
                super::style::width(),
                super::style::colours(global, crate::config::Color::Auto),
            );
            let list = if global.plain { spoken(&list) } else { list };
            say(&format!(
                "{list}\n`wavedeck attach RUN` opens a live one, `wavedeck --help` lists the commands\n"
            ))
        }
    }
}

fn say(text: &str) -> Outcome {
    out::print(text).map_err(|e| Error::internal("cannot write to stdout", e))?;
    Ok(status::OK)
}
