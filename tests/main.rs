//! All integration tests in one binary, one module for each part of the program.

// Helpers of tests may fail loudly too; clippy's own exception knows `#[test]` functions only.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod config;
mod plan;
