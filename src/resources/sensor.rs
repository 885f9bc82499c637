//! Turns samples into edges, as the inputs that these are: a zone was entered or left, an agent fell silent or speaks again.
//!
//! Pure: time comes in with the samples, which may come at any pace. Must not act on what it sees,
//! and tells the engine nothing that did not change.

use crate::{
    engine::{InBand, InputKind, MemoryRules, Steps, Thresholds, Zone},
    plan::AgentIx,
};

use super::{
    AgentSample, Sample,
    forecast::Slope,
    watch::{Finding, Watch},
    zones,
};

/// Between two judgements in an emergency, in microseconds.
const EMERGENCY_US: u64 = 1_000_000;

/// Remembers what was told, and the last half minute of pressure.
#[derive(Debug, Clone)]
pub struct Sensor {
    thresholds: Thresholds,
    ram_limit_bytes: u64,
    zone: Zone,
    halted: bool,
    rules: MemoryRules,
    steps: Option<Steps>,
    band: InBand,
    step: u32,
    /// When a judgement was told last, in microseconds of the run.
    judged_us: u64,
    /// By the agent's position.
    clocks: Vec<Clock>,
    /// By the agent's position, as far as something is known of them.
    watches: Vec<Watch>,
    slope: Slope,
}

/// The quiet clock of one agent.
#[derive(Debug, Clone, Copy, Default)]
struct Clock {
    /// Silence that is worth telling, in microseconds; none: never.
    limit_us: Option<u64>,
    attempt: u32,
    /// What was told of this attempt.
    quiet: bool,
    stands: Stands,
}

/// Whether the clock stands because the agent is frozen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Stands {
    /// It never stood in this attempt.
    #[default]
    Never,
    /// It does.
    Now,
    /// It did; the next sample is its start.
    Released,
    /// It did; it goes on since this time of the run, in microseconds.
    Since(u64),
}

impl Sensor {
    /// Makes a sensor for a run.
    ///
    /// `zone` and `halted` are what the engine knows (from the state, after a restart too).
    /// `quiet_us` holds each agent's `quiet` in microseconds, by its position.
    #[must_use]
    pub fn new(
        thresholds: Thresholds,
        ram_limit_bytes: u64,
        zone: Zone,
        halted: bool,
        quiet_us: impl IntoIterator<Item = Option<u64>>,
    ) -> Self {
        let clock = |limit_us| Clock {
            limit_us,
            ..Clock::default()
        };
        Self {
            thresholds,
            ram_limit_bytes,
            zone,
            halted,
            rules: MemoryRules::default(),
            steps: None,
            band: InBand::Below,
            step: 0,
            judged_us: 0,
            clocks: quiet_us.into_iter().map(clock).collect(),
            watches: Vec::new(),
            slope: Slope::default(),
        }
    }

    /// Lets it see band and steps of a run's rules too; `band` and `step` are what the engine knows.
    #[must_use]
    pub fn with_rules(mut self, rules: MemoryRules, band: InBand, step: u32) -> Self {
        self.steps = rules.adaptation.steps();
        (self.rules, self.band, self.step) = (rules, band, step);
        self
    }

    /// Takes a sample and returns what changed: the zone first, then agents in the sample's order.
    ///
    /// Upwards at once and over several zones; a zone (and the halt) is left only when pressure is
    /// so far below its threshold as the hysteresis says.
    pub fn observe(&mut self, sample: &Sample) -> Vec<InputKind> {
        let mut edges = Vec::new();
        let figures = &sample.figures;
        let ppm = zones::pressure_ppm(
            figures.total_bytes,
            figures.available_bytes,
            figures.agents_bytes.saturating_add(figures.servers_bytes),
            self.ram_limit_bytes,
        );
        self.slope.push(sample.elapsed_us, ppm);
        let zone = zone_after(&self.thresholds, self.zone, figures.pressure_permille);
        let t = &self.thresholds;
        let halted = holds(t.halt, t.hysteresis, self.halted, figures.pressure_permille);
        let (band, step) = (
            self.band_after(figures.pressure_permille),
            self.step_after(figures.pressure_permille),
        );
        let now = (zone, halted, band, step);
        let before = (self.zone, self.halted, self.band, self.step);
        // More pressure than before is looked at at once.
        let worse = (zone, halted, band) > (self.zone, self.halted, self.band);
        if now != before {
            (self.zone, self.halted, self.band, self.step) = now;
            edges.push(InputKind::Zone {
                zone,
                halted,
                band,
                step,
            });
        }
        let since = sample.elapsed_us.saturating_sub(self.judged_us);
        let every = if zone == Zone::Red || halted {
            EMERGENCY_US
        } else {
            self.rules.window_us
        };
        if worse || since >= every {
            self.judged_us = sample.elapsed_us;
            edges.push(InputKind::Judge);
        }
        for agent in &sample.agents {
            let clock = self.clocks.get_mut(agent.agent as usize);
            let quiet =
                clock.and_then(|c| c.read(agent.attempt, agent.quiet_us, sample.elapsed_us));
            edges.extend(quiet.map(|quiet| InputKind::Quiet {
                agent: agent.ix(),
                attempt: agent.attempt,
                quiet,
            }));
        }
        edges.extend(sample.agents.iter().filter_map(|agent| self.watch(agent)));
        edges
    }

    /// Returns where pressure is after a reading, seen from the band.
    fn band_after(&self, pressure: u32) -> InBand {
        let (edges, hysteresis) = (self.rules.band, self.thresholds.hysteresis);
        if holds(edges.high, hysteresis, self.band == InBand::Above, pressure) {
            InBand::Above
        } else if holds(edges.low, hysteresis, self.band >= InBand::Within, pressure) {
            InBand::Within
        } else {
            InBand::Below
        }
    }

    /// Returns how many the strategy lets run after a reading: fewer at once, more only when pressure has fallen by
    /// the hysteresis.
    fn step_after(&self, pressure: u32) -> u32 {
        let Some(steps) = &self.steps else {
            return 0;
        };
        let now = steps.cap(pressure);
        if self.step == 0 || now <= self.step {
            return now;
        }
        steps
            .cap(pressure + self.thresholds.hysteresis)
            .max(self.step)
    }

    fn watch(&mut self, agent: &AgentSample) -> Option<InputKind> {
        let (ix, attempt) = (agent.ix(), agent.attempt);
        let bytes = agent.counted_bytes();
        Some(match self.watch_of(ix).read(agent)? {
            Finding::Leak => InputKind::Leaking {
                agent: ix,
                attempt,
                bytes,
                growth_bytes_per_min: agent.growth_bytes_per_min.unwrap_or(0),
            },
            Finding::Over => InputKind::OverLimit {
                agent: ix,
                attempt,
                bytes,
            },
        })
    }

    fn watch_of(&mut self, agent: AgentIx) -> &mut Watch {
        if self.watches.len() <= agent.ix() {
            self.watches.resize_with(agent.ix() + 1, Watch::default);
        }
        &mut self.watches[agent.ix()]
    }

    /// Sets an agent's hard limit (`ram_max`) in bytes.
    pub fn set_limit(&mut self, agent: AgentIx, limit: Option<u64>) {
        if limit.is_some() || self.watches.len() > agent.ix() {
            self.watch_of(agent).limit = limit;
        }
    }

    /// Says what is reserved for an agent's present attempt, in bytes.
    pub fn set_reserved(&mut self, agent: AgentIx, bytes: u64) {
        self.watch_of(agent).reserved = bytes;
    }

    /// Stops an agent's quiet clock: it is frozen.
    pub fn freeze(&mut self, agent: AgentIx) {
        if let Some(clock) = self.clocks.get_mut(agent.ix()) {
            clock.stands = Stands::Now;
        }
    }

    /// Lets an agent's quiet clock go on, from nothing: it was thawed.
    pub fn thaw(&mut self, agent: AgentIx) {
        if let Some(clock) = self.clocks.get_mut(agent.ix()) {
            clock.stands = Stands::Released;
        }
    }

    /// Sets or changes an agent's limit of silence in microseconds, also for an agent that is new.
    pub fn set_quiet(&mut self, agent: AgentIx, limit_us: Option<u64>) {
        if self.clocks.len() <= agent.ix() {
            self.clocks.resize_with(agent.ix() + 1, Clock::default);
        }
        self.clocks[agent.ix()].limit_us = limit_us;
    }

    /// Returns the zone as last told.
    #[must_use]
    pub const fn zone(&self) -> Zone {
        self.zone
    }

    /// Returns whether the halt was told.
    #[must_use]
    pub const fn halted(&self) -> bool {
        self.halted
    }

    /// Returns the next zone upwards and in how many microseconds it begins, if pressure goes on as
    /// in the last 30 s; none in red, without a clear rise, or beyond an hour. An estimate.
    #[must_use]
    pub fn time_to_next_zone_us(&self) -> Option<(Zone, u64)> {
        let (zone, permille) = zones::next_threshold(&self.thresholds, self.zone)?;
        let left = self.slope.time_to_us(u64::from(permille) * 1000)?;
        Some((zone, left))
    }
}

impl Clock {
    /// Reads the clock of an attempt; returns what it says where that is new.
    fn read(&mut self, attempt: u32, quiet_us: u64, elapsed_us: u64) -> Option<bool> {
        if attempt > self.attempt {
            *self = Self {
                limit_us: self.limit_us,
                attempt,
                ..Self::default()
            };
        }
        if attempt < self.attempt {
            return None;
        }
        let own_us = match self.stands {
            Stands::Never => quiet_us,
            Stands::Now => return None,
            Stands::Released => {
                self.stands = Stands::Since(elapsed_us);
                0
            }
            Stands::Since(since) => quiet_us.min(elapsed_us.saturating_sub(since)),
        };
        // Who was silent before it was frozen is so until it speaks.
        let silence = if self.quiet { quiet_us } else { own_us };
        let quiet = self.limit_us.is_some_and(|limit| silence >= limit);
        let new = quiet != self.quiet;
        self.quiet = quiet;
        new.then_some(quiet)
    }
}

/// Returns whether a level holds after a reading: entered at its threshold, left only when pressure
/// is below it by the hysteresis.
const fn holds(threshold: u32, hysteresis: u32, held: bool, pressure: u32) -> bool {
    pressure >= threshold || (held && pressure > threshold.saturating_sub(hysteresis))
}

/// Returns the zone after a reading.
fn zone_after(t: &Thresholds, zone: Zone, pressure: u32) -> Zone {
    let held = |z: &&Zone| {
        holds(
            zones::threshold(t, **z),
            t.hysteresis,
            zone >= **z,
            pressure,
        )
    };
    zones::ALL
        .iter()
        .rev()
        .find(held)
        .copied()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{engine::Figures, resources::AgentSample};
    use proptest::prelude::*;

    fn reading(pressure: u32) -> Sample {
        let figures = Figures {
            pressure_permille: pressure,
            available_bytes: 1000_u64.saturating_sub(u64::from(pressure)),
            total_bytes: 1000,
            agents_bytes: 0,
            ..Figures::default()
        };
        Sample {
            figures,
            ..Sample::default()
        }
    }

    fn silence(agent: u32, attempt: u32, quiet_us: u64, elapsed_us: u64) -> Sample {
        Sample {
            elapsed_us,
            agents: vec![AgentSample {
                agent,
                attempt,
                quiet_us,
                ..AgentSample::default()
            }],
            ..Sample::default()
        }
    }

    fn sensor() -> Sensor {
        Sensor::new(Thresholds::default(), 0, Zone::Green, false, [])
    }

    fn told(sensor: &mut Sensor, pressure: u32) -> Option<(Zone, bool)> {
        match sensor.observe(&reading(pressure))[..] {
            [] => None,
            [InputKind::Zone { zone, halted, .. }, ..] => Some((zone, halted)),
            ref other => panic!("{other:?}"),
        }
    }

    #[test]
    fn up_at_once_and_down_with_hysteresis() {
        let mut s = sensor();
        assert_eq!(told(&mut s, 599), None);
        assert_eq!(told(&mut s, 600), Some((Zone::Yellow, false)));
        assert_eq!(told(&mut s, 581), None);
        assert_eq!(told(&mut s, 580), Some((Zone::Green, false)));
        assert_eq!(
            told(&mut s, 960),
            Some((Zone::Red, true)),
            "several at once"
        );
        assert_eq!(told(&mut s, 931), None);
        assert_eq!(told(&mut s, 930), Some((Zone::Red, false)));
        assert_eq!(told(&mut s, 731), Some((Zone::Orange, false)));
        assert_eq!(told(&mut s, 100), Some((Zone::Green, false)));
    }

    #[test]
    fn a_restarted_run_goes_on_where_it_was() {
        let mut s = Sensor::new(Thresholds::default(), 0, Zone::Red, true, []);
        assert_eq!(told(&mut s, 940), None);
        assert_eq!(told(&mut s, 840), Some((Zone::Red, false)));
    }

    #[test]
    fn silence_is_told_once_an_attempt() {
        let mut s = Sensor::new(
            Thresholds::default(),
            0,
            Zone::Green,
            false,
            [None, Some(100)],
        );
        let edge = |attempt, quiet| {
            vec![InputKind::Quiet {
                agent: AgentIx(1),
                attempt,
                quiet,
            }]
        };
        assert_eq!(s.observe(&silence(0, 1, 500, 0)), [], "no limit");
        assert_eq!(s.observe(&silence(1, 1, 99, 0)), []);
        assert_eq!(s.observe(&silence(1, 1, 100, 0)), edge(1, true));
        assert_eq!(s.observe(&silence(1, 1, 200, 0)), []);
        assert_eq!(s.observe(&Sample::default()), [], "not in a sample");
        assert_eq!(s.observe(&silence(1, 1, 5, 0)), edge(1, false));
        assert_eq!(s.observe(&silence(1, 1, 100, 0)), edge(1, true));
        assert_eq!(s.observe(&silence(1, 2, 5, 0)), [], "a new attempt");
        assert_eq!(s.observe(&silence(1, 2, 100, 0)), edge(2, true));
        assert_eq!(s.observe(&silence(1, 1, 5, 0)), [], "an old one");
        assert_eq!(s.observe(&silence(7, 1, 500, 0)), [], "unknown");
        s.set_quiet(AgentIx(7), Some(500));
        assert_eq!(s.observe(&silence(7, 1, 500, 0)).len(), 1);
    }

    #[test]
    fn frozen_time_is_not_silence() {
        let mut s = Sensor::new(Thresholds::default(), 0, Zone::Green, false, [Some(100)]);
        s.observe(&silence(0, 1, 50, 1000));
        s.freeze(AgentIx(0));
        assert_eq!(s.observe(&silence(0, 1, 5000, 6000)), []);
        s.thaw(AgentIx(0));
        assert_eq!(s.observe(&silence(0, 1, 5100, 6100)), []);
        assert_eq!(s.observe(&silence(0, 1, 5199, 6199)), []);
        assert_eq!(s.observe(&silence(0, 1, 5200, 6200)).len(), 1);
        s.freeze(AgentIx(0));
        s.thaw(AgentIx(0));
        assert_eq!(s.observe(&silence(0, 1, 9000, 9000)), [], "still silent");
        assert_eq!(s.observe(&silence(0, 1, 10, 9500)).len(), 1);
    }

    #[test]
    fn the_next_zone_is_foretold() {
        let mut s = sensor();
        for n in 0..=60 {
            let mut sample = reading(0);
            sample.elapsed_us = n * 500_000;
            sample.figures = Figures {
                total_bytes: 1_000_000,
                available_bytes: 600_000 - n * 500,
                pressure_permille: 430,
                agents_bytes: 0,
                ..Figures::default()
            };
            s.observe(&sample);
        }
        assert_eq!(s.time_to_next_zone_us(), Some((Zone::Yellow, 170_000_000)));
    }

    fn thresholds() -> impl Strategy<Value = Thresholds> {
        (1_u32..900, 0_u32..200, 0_u32..200, 0_u32..200, 0_u32..100).prop_map(
            |(y, o, r, h, hysteresis)| Thresholds {
                yellow: y,
                orange: y + o,
                red: y + o + r,
                halt: y + o + r + h,
                hysteresis,
            },
        )
    }

    fn pressures() -> impl Strategy<Value = Vec<u32>> {
        proptest::collection::vec(0_u32..1400, 1..60)
    }

    proptest! {
        #[test]
        fn edges_come_only_on_change_and_are_the_state(t in thresholds(), pressures in pressures()) {
            let mut s = Sensor::new(t, 0, Zone::Green, false, []);
            let mut known = (Zone::Green, false);
            let mut band = InBand::Below;
            for pressure in pressures {
                let before = (known, band);
                if let Some(now) = told(&mut s, pressure) {
                    (known, band) = (now, s.band);
                    prop_assert_ne!(before, (known, band));
                }
                prop_assert_eq!((s.zone(), s.halted(), s.band), (known.0, known.1, band));
                prop_assert!(known.0 >= zones::at(&t, pressure), "never below the true zone");
                prop_assert!(known.1 || pressure < t.halt, "never a start at or above the halt");
            }
        }

        #[test]
        fn nothing_flaps_within_the_hysteresis(t in thresholds(), start in 0_u32..1400, steps in pressures()) {
            // Whatever pressure does within a band as wide as the hysteresis, it makes at most one
            // edge upwards, and none downwards after it.
            let mut s = Sensor::new(t, 0, Zone::Green, false, []);
            let mut last = (Zone::Green, false);
            for step in steps {
                let pressure = start + step % t.hysteresis.max(1);
                if let Some(now) = told(&mut s, pressure) {
                    prop_assert!(now >= last, "{now:?} after {last:?}");
                    last = now;
                }
            }
        }

        #[test]
        fn more_pressure_never_means_a_lower_zone(t in thresholds(), pressures in pressures(), more in pressures()) {
            let (mut low, mut high) = (Sensor::new(t, 0, Zone::Green, false, []), Sensor::new(t, 0, Zone::Green, false, []));
            for (pressure, more) in pressures.iter().zip(more.iter().cycle()) {
                low.observe(&reading(*pressure));
                high.observe(&reading(pressure + more));
                prop_assert!(high.zone() >= low.zone() && high.halted() >= low.halted());
            }
        }
    }
}
