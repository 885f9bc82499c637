//! What a runner says on standard error.
//!
//! Must not wait for whoever reads it.

/// Says something on standard error, which may be gone.
///
/// Whoever reads it may have stopped reading, and nothing of a run waits for that: what does not fit
/// is left unsaid. A pipe that is ready takes 4,096 bytes without waiting.
pub(in crate::runtime) fn complain(text: &str) {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use std::io::Write;
    let mut line = format!("wavedeck: {}", crate::display::clean_line(text, 1000));
    line.truncate(line.floor_char_boundary(4000));
    line.push('\n');
    let stderr = std::io::stderr();
    let now = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    let mut ready = [PollFd::new(&stderr, PollFlags::OUT)];
    if poll(&mut ready, Some(&now)).is_ok_and(|n| n > 0) {
        let _ = stderr.lock().write_all(line.as_bytes());
    }
}
