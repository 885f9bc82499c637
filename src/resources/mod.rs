//! Memory: samples, the sensor that turns them into edges, zones.
//!
//! [`Sample`], [`zones`] and the [`Sensor`] are pure; the [`Sampler`] (reached from `runtime` only)
//! measures. Must not decide what to start or stop: that is the engine's, from edges and figures.

mod forecast;
mod growth;
mod member;
mod pss;
mod rise;
mod roster;
mod sample;
mod sampler;
mod sensor;
mod servers;
pub mod trend;
mod watch;
pub mod zones;

pub use pss::{PssFigures, PssJob, SlowReadings};
pub use rise::Rises;
pub use sample::{AgentSample, MachineSample, Sample};
pub use sampler::{Sampler, Tree, Views, Whose};
pub use sensor::Sensor;
pub use servers::{ReadServers, ServerSample, Servers};
pub use trend::{Point, Trend};
pub use zones::pressure;
