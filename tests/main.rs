//! All integration tests in one binary, one module for each part of the program.

mod config;
mod plan;
