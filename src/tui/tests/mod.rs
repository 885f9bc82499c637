//! Tests of the dashboard: screens as text, properties, keys, the loop.

pub(crate) mod fixture;
mod keys;
mod looping;
mod properties;
mod replay;
mod screens;
