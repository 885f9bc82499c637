//! The plan as it is now, for threads that do not own the state: agents may be added while a run goes on.
//!
//! The loop alone changes it, before anything that follows from the change is carried out. Must not be
//! held on to: whoever reads it takes what is there at that moment.

use std::sync::{Arc, Mutex, PoisonError};

use crate::engine::Setup;

/// The setup as it is now.
#[derive(Debug, Clone)]
pub(super) struct Current(Arc<Mutex<Arc<Setup>>>);

impl Current {
    pub fn new(setup: Arc<Setup>) -> Self {
        Self(Arc::new(Mutex::new(setup)))
    }

    /// Returns it.
    pub fn get(&self) -> Arc<Setup> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Puts another in its place, where it is another.
    pub fn set(&self, setup: &Arc<Setup>) {
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !Arc::ptr_eq(&now, setup) {
            now.clone_from(setup);
        }
    }
}
