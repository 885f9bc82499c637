//! What a run has whose `config.toml` is older than a setting: the usual value.
//!
//! Must not read anything.

/// What a run of before that setting has.
pub(super) fn enforce() -> bool {
    crate::config::Sandbox::default().enforce
}

/// What a run of before that setting has.
pub(super) fn pss_us() -> u64 {
    crate::config::Sampling::default().pss_interval_us
}

/// What a run of before that setting has.
pub(super) fn card_us() -> u64 {
    crate::config::Status::default().card_interval_us
}

/// What a run of before that setting has.
pub(super) fn gate_us() -> u64 {
    crate::config::Status::default().gate_interval_us
}

/// What a run of before that setting has.
pub(super) const fn cap() -> u32 {
    crate::context::LIMIT
}
