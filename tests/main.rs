//! All integration tests in one binary, so that they are linked once.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod executor;
