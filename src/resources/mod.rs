//! Memory: samples, the sensor that turns them into edges, zones.
//!
//! [`Sample`] and the sensor are pure; the sampler (reached from `runtime` only) measures. Must not
//! decide what to start or stop: that is the engine's, from edges and figures.

mod sample;

pub use sample::{AgentSample, MachineSample, Sample};
