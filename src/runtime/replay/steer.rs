//! What a person does with the clock of a replay.

use tokio::sync::mpsc;

use crate::{
    journal::To,
    tui::feed::{Replay, Update},
};

use super::Recording;

/// Speeds in permille of real time: 0.25 to 1024 times.
pub const SPEEDS: [u32; 13] = [
    250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 128_000, 256_000, 512_000,
    1_024_000,
];
impl Recording {
    pub(super) fn steer(&mut self, what: Replay, to: &mpsc::Sender<Update>) -> Option<()> {
        match what {
            Replay::Toggle => {
                if self.clock.at_us >= self.clock.end_us && !self.clock.playing {
                    self.jump(To::Seq(1), to)?;
                }
                self.clock.playing = !self.clock.playing;
                self.tell(to)
            }
            Replay::Speed(step) => {
                let at = SPEEDS
                    .iter()
                    .position(|&s| s >= self.clock.speed_permille)
                    .unwrap_or(SPEEDS.len() - 1);
                let next = at.saturating_add_signed(step.into()).min(SPEEDS.len() - 1);
                self.clock.speed_permille = SPEEDS[next];
                self.tell(to)
            }
            Replay::Step(step) => {
                self.clock.playing = false;
                let seq = self.state.seq.saturating_add_signed(step.into());
                self.jump(To::Seq(seq.clamp(1, self.last.seq.max(1))), to)
            }
            Replay::Seconds(seconds) => {
                let at = self.clock.at_us.saturating_add_signed(seconds * 1_000_000);
                self.go(at, to)
            }
            Replay::Time(at_us) => self.go(at_us, to),
            Replay::Seq(seq) => {
                self.clock.playing = false;
                self.jump(To::Seq(seq.clamp(1, self.last.seq.max(1))), to)
            }
        }
    }

    fn go(&mut self, at_us: u64, to: &mpsc::Sender<Update>) -> Option<()> {
        let at_us = at_us.min(self.clock.end_us);
        if at_us >= self.clock.at_us {
            self.forward(at_us, to)
        } else {
            self.jump(To::Elapsed(at_us), to)?;
            self.clock.at_us = at_us;
            self.tell(to)
        }
    }
}
