//! System calls: spawning, reaping, signals of whole trees, /proc, memory, locks, socket peers,
//! boundaries.
//!
//! The only module that may use `unsafe`, each block with its reason. Must not decide anything:
//! no policy, no retries, no knowledge of agents beyond the environment marker that finds them.

#[cfg(not(target_os = "linux"))]
compile_error!("wavedeck needs Linux 5.13 or newer (WSL 2 works too)");

pub mod ballast;
pub mod cgroup;
pub mod exec;
pub mod foreground;
pub mod landlock;
pub mod limits;
pub mod lock;
pub mod marker;
pub mod memory;
pub mod peer;
pub mod ports;
pub mod prepared;
pub mod proc;
pub mod program;
pub mod pty;
pub mod reap;
pub mod remove;
pub mod signals;
pub mod spawn;
pub mod strays;
pub mod subreaper;
mod threads;
pub mod tree;
pub mod zone;

/// Locks a mutex; a panic elsewhere while it was held does not spread.
///
/// All values behind mutexes here are valid after every single statement, so a poisoned lock holds
/// nothing half done.
pub(crate) fn locked<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
