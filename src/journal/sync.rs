//! The thread that makes the journal durable: fdatasync in groups, never on the writer's thread.
//!
//! 50 ms after the first append that is not synced, or at once when somebody waits. The first
//! failure is final: after it the kernel may have dropped the pages, and a second fdatasync on the
//! same descriptor could report success for data that is lost. Must not write.

use std::{
    fs::File,
    io,
    path::PathBuf,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// How long appends are collected before they are synced together.
pub const GROUP: Duration = Duration::from_millis(50);

/// What syncing needs of a file; a fake in tests.
pub(super) trait Durable: Send {
    /// Makes everything written durable.
    fn sync(&mut self) -> io::Result<()>;
}

/// A journal's file; its name in the folders is made durable with the first sync.
pub(super) struct DurableFile {
    pub file: Arc<File>,
    pub folders: Vec<PathBuf>,
}

impl Durable for DurableFile {
    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()?;
        for folder in self.folders.drain(..) {
            match File::open(folder).and_then(|folder| folder.sync_all()) {
                // Some file systems cannot sync a folder; then it needs none.
                Err(error) if error.kind() == io::ErrorKind::InvalidInput => {}
                other => other?,
            }
        }
        Ok(())
    }
}

type OnFault = Box<dyn FnOnce(&str) + Send>;

#[derive(Default)]
struct Inner {
    synced: u64,
    fault: Option<String>,
    on_fault: Option<OnFault>,
    waiters: u32,
    closed: bool,
}

#[derive(Default)]
struct Shared {
    /// End of what has been appended.
    appended: AtomicU64,
    /// The thread has been told that there is something.
    told: AtomicBool,
    inner: Mutex<Inner>,
    /// The thread waits on this.
    work: Condvar,
    /// Those who wait for the thread.
    done: Condvar,
}

impl Shared {
    /// A panic while it was held cannot leave the plain values in it half changed.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits for durability from anywhere; cheap to clone.
#[derive(Clone)]
pub struct SyncHandle(Arc<Shared>);

impl SyncHandle {
    /// Starts the thread.
    pub(super) fn start(file: Box<dyn Durable>) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let theirs = shared.clone();
        std::thread::Builder::new()
            .name("journal-sync".to_owned())
            .stack_size(128 << 10)
            .spawn(move || run(&theirs, file))?;
        Ok(Self(shared))
    }

    /// Says that the journal ends at `end` now. One atomic swap unless the thread must be woken.
    pub(super) fn appended(&self, end: u64) {
        self.0.appended.store(end, Ordering::Release);
        if !self.0.told.swap(true, Ordering::AcqRel) {
            // Under the lock, so that the thread is not between its look and its sleep.
            drop(self.0.lock());
            self.0.work.notify_one();
        }
    }

    /// Lets the thread end after a last sync.
    pub(super) fn close(&self) {
        self.0.lock().closed = true;
        self.0.work.notify_one();
    }

    /// Calls back once, from the sync thread, at the first failure (at once if it has been).
    pub fn on_fault(&self, call: impl FnOnce(&str) + Send + 'static) {
        let mut inner = self.0.lock();
        match inner.fault.clone() {
            Some(fault) => {
                drop(inner);
                call(&fault);
            }
            None => inner.on_fault = Some(Box::new(call)),
        }
    }

    /// Returns why nothing more can be made durable, if it is so.
    #[must_use]
    pub fn fault(&self) -> Option<String> {
        self.0.lock().fault.clone()
    }

    /// Returns the end of what is durable, in bytes.
    #[must_use]
    pub fn synced(&self) -> u64 {
        self.0.lock().synced
    }

    /// Blocks until everything appended so far is durable, or can no longer become so.
    pub fn wait(&self) -> Result<(), String> {
        let end = self.0.appended.load(Ordering::Acquire);
        let mut inner = self.0.lock();
        inner.waiters += 1;
        self.0.told.store(true, Ordering::Release);
        self.0.work.notify_one();
        let result = loop {
            if let Some(fault) = &inner.fault {
                break Err(fault.clone());
            }
            if inner.synced >= end {
                break Ok(());
            }
            inner = self
                .0
                .done
                .wait(inner)
                .unwrap_or_else(PoisonError::into_inner);
        };
        inner.waiters -= 1;
        result
    }
}

fn run(shared: &Shared, mut file: Box<dyn Durable>) {
    let mut inner = shared.lock();
    loop {
        while !shared.told.load(Ordering::Acquire) && !inner.closed {
            inner = shared
                .work
                .wait(inner)
                .unwrap_or_else(PoisonError::into_inner);
        }
        let until = Instant::now() + GROUP;
        while inner.waiters == 0 && !inner.closed {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            inner = shared
                .work
                .wait_timeout(inner, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        let closed = inner.closed;
        // Taken back before the end is read: a later append tells the thread again.
        shared.told.swap(false, Ordering::AcqRel);
        let end = shared.appended.load(Ordering::Acquire);
        if end != inner.synced {
            drop(inner);
            let result = file.sync();
            inner = shared.lock();
            match result {
                Ok(()) => inner.synced = end,
                Err(error) => {
                    let fault = format!("fdatasync of the journal failed: {error}");
                    inner.fault = Some(fault.clone());
                    let call = inner.on_fault.take();
                    drop(inner);
                    shared.done.notify_all();
                    if let Some(call) = call {
                        call(&fault);
                    }
                    return;
                }
            }
        }
        shared.done.notify_all();
        if closed {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU32;

    struct Fake {
        calls: Arc<AtomicU32>,
        fail_at: u32,
    }

    impl Durable for Fake {
        fn sync(&mut self) -> io::Result<()> {
            let call = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
            if call == self.fail_at {
                return Err(io::Error::from_raw_os_error(5));
            }
            Ok(())
        }
    }

    fn start(fail_at: u32) -> (SyncHandle, Arc<AtomicU32>) {
        let calls = Arc::new(AtomicU32::new(0));
        let fake = Fake {
            calls: calls.clone(),
            fail_at,
        };
        (SyncHandle::start(Box::new(fake)).unwrap(), calls)
    }

    #[test]
    fn groups_appends_and_rests_without_them() {
        let (sync, calls) = start(0);
        let from = Instant::now();
        for end in 1..=100 {
            sync.appended(end);
        }
        while sync.synced() < 100 {
            std::thread::sleep(Duration::from_millis(1));
        }
        assert!(from.elapsed() >= GROUP);
        assert_eq!(calls.load(Ordering::SeqCst), 1);
        std::thread::sleep(GROUP * 3);
        assert_eq!(calls.load(Ordering::SeqCst), 1, "nothing new, no work");
        sync.close();
    }

    #[test]
    fn a_waiter_does_not_wait_for_the_group() {
        let (sync, calls) = start(0);
        let from = Instant::now();
        for end in 1..=5 {
            sync.appended(end);
            sync.wait().unwrap();
            assert!(sync.synced() >= end);
        }
        assert!(from.elapsed() < GROUP * 5);
        assert_eq!(calls.load(Ordering::SeqCst), 5);
        sync.wait().unwrap();
        assert_eq!(calls.load(Ordering::SeqCst), 5, "all durable already");
        sync.close();
    }

    #[test]
    fn the_first_failure_is_final_and_said_once() {
        let (sync, calls) = start(2);
        let said = Arc::new(AtomicU32::new(0));
        let counter = said.clone();
        sync.on_fault(move |fault| {
            assert!(fault.contains("fdatasync"));
            counter.fetch_add(1, Ordering::SeqCst);
        });
        sync.appended(1);
        sync.wait().unwrap();
        sync.appended(2);
        assert!(sync.wait().is_err());
        sync.appended(3);
        assert!(sync.wait().is_err());
        std::thread::sleep(GROUP * 2);
        assert_eq!(calls.load(Ordering::SeqCst), 2, "never tried again");
        assert_eq!(said.load(Ordering::SeqCst), 1);
        assert_eq!(sync.synced(), 1);
        assert!(sync.fault().is_some());
    }

    #[test]
    fn closing_syncs_what_is_left() {
        let (sync, calls) = start(0);
        sync.appended(7);
        sync.close();
        while sync.synced() < 7 {
            std::thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(calls.load(Ordering::SeqCst), 1);
    }
}
