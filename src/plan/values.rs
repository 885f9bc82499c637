//! Numbers, durations, sizes, tables, lists and commands from a parsed document.
//!
//! Must not know any key: those are in `keys.rs`.

use std::collections::BTreeMap;

use toml::de::{DeTable, DeValue};

use super::decode::{Decoder, Val, at, expected};
use super::diag::Sp;
use super::model::{Argv, Duration};
use super::{units, words};

impl Decoder {
    /// Reads `true` or `false`.
    pub fn flag(&mut self, value: &Val<'_>) -> Option<Sp<bool>> {
        if let DeValue::Boolean(b) = value.get_ref() {
            return Some(Sp::new(at(value), *b));
        }
        self.expected("true or false", value);
        None
    }

    /// Reads a whole number in a range.
    pub fn whole(&mut self, value: &Val<'_>, min: u64, max: u64) -> Option<Sp<u64>> {
        let number = if let DeValue::Integer(i) = value.get_ref() {
            i128::from_str_radix(i.as_str(), i.radix()).ok()
        } else {
            self.expected("a whole number", value);
            return None;
        };
        if let Some(n) = number
            .and_then(|n| u64::try_from(n).ok())
            .filter(|n| (min..=max).contains(n))
        {
            Some(Sp::new(at(value), n))
        } else {
            let range = match (min, max) {
                (min, m) if m >= u64::from(u32::MAX) => format!("of {min} or more"),
                (min, max) => format!("from {min} to {max}"),
            };
            self.expected(&format!("a whole number {range}"), value);
            None
        }
    }

    /// Reads a whole number that fits 32 bits.
    pub fn whole32(&mut self, value: &Val<'_>, min: u32, max: u32) -> Option<Sp<u32>> {
        let n = self.whole(value, u64::from(min), u64::from(max))?;
        u32::try_from(n.v).ok().map(|v| Sp::new(n.at, v))
    }

    /// Reads a number of 0 or more and returns it in units of `1 / 10^places`.
    pub fn decimal(&mut self, value: &Val<'_>, places: u32, what: &str) -> Option<Sp<u64>> {
        let factor = 10u64.pow(places);
        let number = match value.get_ref() {
            DeValue::Integer(i) => u64::from_str_radix(i.as_str(), i.radix())
                .ok()
                .and_then(|n| n.checked_mul(factor)),
            DeValue::Float(f) => units::decimal(f.as_str().trim_start_matches('+'), factor),
            _ => None,
        };
        if let Some(n) = number {
            Some(Sp::new(at(value), n))
        } else {
            self.expected(what, value);
            None
        }
    }

    /// Reads one duration in microseconds.
    pub fn duration(&mut self, value: &Val<'_>) -> Option<Sp<u64>> {
        let place = at(value);
        let us = match value.get_ref() {
            DeValue::String(text) => units::duration(&self.fill(text, place)),
            DeValue::Integer(i) if i.as_str() == "0" => Some(0),
            _ => None,
        };
        if us.is_none() {
            self.wrong_unit("a duration such as \"12m\"", value, &units::TIMES);
        }
        us.map(|us| Sp::new(place, us))
    }

    /// Reads a duration or a range of durations.
    pub fn durations(&mut self, value: &Val<'_>) -> Option<Sp<Duration>> {
        let place = at(value);
        if let DeValue::String(text) = value.get_ref()
            && text.contains("..")
        {
            let text = self.fill(text, place);
            let Some((min_us, max_us)) = units::duration_range(&text) else {
                self.wrong_unit(
                    "a range of durations such as \"2h..5h\"",
                    value,
                    &units::TIMES,
                );
                return None;
            };
            if min_us > max_us {
                self.sink
                    .error(place, format!("the range `{text}` ends before it begins"));
                return None;
            }
            let expected_us = min_us + (max_us - min_us) / 2;
            return Some(Sp::new(
                place,
                Duration {
                    min_us,
                    expected_us,
                    max_us,
                    guessed: false,
                },
            ));
        }
        let us = self.duration(value)?.v;
        Some(Sp::new(
            place,
            Duration {
                min_us: us,
                expected_us: us,
                max_us: us,
                guessed: false,
            },
        ))
    }

    /// Reads a size in bytes.
    pub fn size(&mut self, value: &Val<'_>) -> Option<Sp<u64>> {
        let place = at(value);
        let bytes = match value.get_ref() {
            DeValue::String(text) => units::size(&self.fill(text, place)),
            _ => None,
        };
        if bytes.is_none() {
            self.wrong_unit("a size such as \"2GiB\"", value, &units::MEMORY);
        }
        bytes.map(|b| Sp::new(place, b))
    }

    /// Reports what is no number with a unit: with what was probably meant, else how to write it.
    pub fn wrong_unit(&mut self, what: &str, value: &Val<'_>, kind: &units::Kind) {
        let text = match value.get_ref() {
            DeValue::String(text) => text.as_ref(),
            DeValue::Integer(number) => number.as_str(),
            _ => return self.expected(what, value),
        };
        let meant = kind.meant(text);
        let found = self
            .sink
            .error(at(value), expected(what, value))
            .meant(meant.as_deref());
        if meant.is_none() {
            found.help(format!(
                "a number and its unit, in quotes, no blank between: {}",
                kind.names
            ));
        }
    }

    /// Reads a table.
    pub fn table<'v, 'a>(&mut self, value: &'v Val<'a>, what: &str) -> Option<&'v DeTable<'a>> {
        if let DeValue::Table(table) = value.get_ref() {
            return Some(table);
        }
        self.expected(what, value);
        None
    }

    /// Reads a list, each element by `read`; what cannot be read is left out.
    pub fn list<T>(
        &mut self,
        value: &Val<'_>,
        what: &str,
        mut read: impl FnMut(&mut Self, &Val<'_>) -> Option<T>,
    ) -> Option<Vec<T>> {
        if let DeValue::Array(array) = value.get_ref() {
            return Some(array.iter().filter_map(|v| read(self, v)).collect());
        }
        self.expected(what, value);
        None
    }

    /// Reads a table of whole numbers by name.
    pub fn amounts(
        &mut self,
        value: &Val<'_>,
        what: &str,
        min: u64,
    ) -> Option<BTreeMap<String, Sp<u64>>> {
        let table = self.table(value, what)?;
        let mut amounts = BTreeMap::new();
        for (key, value) in table {
            if let (Some(id), Some(n)) = (self.key_id(key), self.whole(value, min, u64::MAX)) {
                // The place is the key's: that is what an unknown name is reported at.
                amounts.insert(id.v, Sp::new(id.at, n.v));
            }
        }
        Some(amounts)
    }

    /// Reads one command: a text, split into words, or a list of words.
    pub fn command(&mut self, value: &Val<'_>) -> Option<Sp<Argv>> {
        let place = at(value);
        let argv: Argv = match value.get_ref() {
            DeValue::String(text) => match words::split(text) {
                Ok(words) => {
                    if let Some(operator) = words::shell_operator(&words) {
                        self.sink
                            .warning(
                                place,
                                format!("`{operator}` is passed on as a word: there is no shell"),
                            )
                            .help("for a shell, say so: [\"sh\", \"-c\", \"…\"]");
                    } else if let Some(word) = words::shell_expansion(&words) {
                        let word = super::diag::escape(word);
                        self.sink
                            .warning(
                                place,
                                format!("`{word}` stays as it is: there is no shell to fill it in"),
                            )
                            .help("write the value, or say [\"sh\", \"-c\", \"…\"]");
                    }
                    words.into_iter().map(|w| self.fill(&w, place)).collect()
                }
                Err(why) => {
                    self.sink.error(
                        place,
                        format!("the command cannot be split into words: {why}"),
                    );
                    return None;
                }
            },
            DeValue::Array(_) => self
                .list(value, "", |d, v| d.text(v, "a word of the command"))?
                .into_iter()
                .map(|w| w.v)
                .collect(),
            _ => {
                self.expected(
                    "a command such as \"cargo test\" or [\"cargo\", \"test\"]",
                    value,
                );
                return None;
            }
        };
        if argv.first().is_none_or(|program| program.trim().is_empty()) {
            self.sink.error(place, "the command is empty");
            return None;
        }
        if argv.iter().any(|w| w.contains('\0')) {
            self.sink.error(place, "the command contains a zero byte");
            return None;
        }
        Some(Sp::new(place, argv))
    }

    /// Reads a list of commands, each a text or a list of words.
    pub fn commands(&mut self, value: &Val<'_>) -> Option<Vec<Argv>> {
        self.list(
            value,
            "a list of commands such as [\"cargo test\"]",
            |d, v| d.command(v).map(|c| c.v),
        )
    }
}
