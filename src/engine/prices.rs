//! List prices of models: what tokens cost where a program does not say.
//!
//! Data of `assets/prices.toml`, with a person's own file over it. Must not guess: a model that is not
//! listed has no price, and its cost is unknown.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use crate::agents::Used;

const FILE: &str = include_str!("../../assets/prices.toml");

/// Prices of a model, in micro-dollars for a million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// Tokens sent that were not cached.
    pub input: u64,
    /// Tokens sent that were read from the provider's cache.
    pub cached: u64,
    /// Tokens sent that were written to the provider's cache.
    pub cache_write: u64,
    /// Tokens received.
    pub output: u64,
}

/// Prices by model.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prices {
    /// The day of which they are, as `2026-01-31`.
    pub date: String,
    /// By the model's name, without the date of a release.
    pub model: BTreeMap<String, Price>,
}

impl Prices {
    /// Returns the built-in list.
    #[must_use]
    pub fn built_in() -> &'static Self {
        static LIST: OnceLock<Prices> = OnceLock::new();
        // That it is well is a test's business.
        LIST.get_or_init(|| toml::from_str(FILE).unwrap_or_default())
    }

    /// Returns the built-in list with a person's file over it: its models count, and so does its date.
    ///
    /// # Errors
    /// What is wrong with the text, with line and column.
    pub fn with(own: &str) -> Result<Self, String> {
        let own: Self = toml::from_str(own).map_err(|error| error.to_string())?;
        let mut all = Self::built_in().clone();
        all.date = own.date;
        all.model.extend(own.model);
        Ok(all)
    }

    /// Finds the price of a model by the name that a program gives it: with or without its provider before
    /// a slash, with or without the date of a release after it.
    #[must_use]
    pub fn of(&self, model: &str) -> Option<&Price> {
        let name = model.rsplit('/').next().unwrap_or(model);
        if let Some(price) = self.model.get(name) {
            return Some(price);
        }
        let fits = |known: &str| name.strip_prefix(known).is_some_and(release);
        let known = self.model.iter().filter(|(known, _)| fits(known));
        known
            .max_by_key(|(known, _)| known.len())
            .map(|(_, price)| price)
    }

    /// Computes what tokens of a model cost, in micro-dollars; none: it has no price here.
    #[must_use]
    pub fn cost(&self, model: &str, used: &Used) -> Option<u64> {
        let price = self.of(model)?;
        let part = |tokens: u64, price: u64| u128::from(tokens) * u128::from(price);
        let sum = part(used.input, price.input)
            + part(used.cache_read, price.cached)
            + part(used.cache_write, price.cache_write)
            + part(used.output, price.output);
        u64::try_from(sum.div_ceil(1_000_000)).ok()
    }
}

/// Whether the rest of a name says of which release the model is, and nothing else: another word makes
/// another model.
fn release(rest: &str) -> bool {
    let Some(rest) = rest.strip_prefix(['-', '@']) else {
        return false;
    };
    let digits = rest.bytes().filter(u8::is_ascii_digit).count();
    let date = rest.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    rest == "latest" || (date && digits >= 8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_well_and_each_price_has_its_order() {
        let list: Prices = toml::from_str(FILE).unwrap();
        assert!(list.date.parse::<jiff::civil::Date>().is_ok());
        assert!(list.model.len() > 10);
        for (name, price) in &list.model {
            assert!(0 < price.cached && price.cached < price.input, "{name}");
            assert!(price.input < price.output, "{name}");
            assert!(price.cache_write >= price.input, "{name}");
        }
    }

    #[test]
    fn a_release_has_its_models_price_and_another_model_has_none() {
        let list = Prices::built_in();
        let sonnet = list.of("claude-sonnet-4-5").unwrap();
        for name in [
            "claude-sonnet-4-5-20250929",
            "anthropic/claude-sonnet-4-5",
            "claude-sonnet-4-5@20250929",
            "claude-sonnet-4-5-latest",
        ] {
            assert_eq!(list.of(name), Some(sonnet), "{name}");
        }
        for name in [
            "claude-sonnet-4-5-20250929[1m]",
            "claude-sonnet-4-55",
            "gpt-5-pro",
            "gpt-5-2",
            "qwen2.5-coder:32b",
            "",
        ] {
            assert_eq!(list.of(name), None, "{name}");
        }
        assert!(list.of("gpt-5-2025-08-07").is_some());
    }

    #[test]
    fn each_kind_of_token_has_its_price() {
        let used = Used {
            input: 1_000,
            cache_read: 10_000,
            cache_write: 2_000,
            output: 500,
            cost_microusd: None,
        };
        let cost = Prices::built_in().cost("claude-sonnet-4-5", &used);
        assert_eq!(cost, Some(3_000 + 3_000 + 7_500 + 7_500));
        assert_eq!(Prices::built_in().cost("sonnet", &used), None);
    }

    #[test]
    fn a_persons_file_lies_over_the_list() {
        let own = "date = \"2030-01-02\"\n[model.\"gpt-5\"]\ninput = 1\ncached = 1\ncache_write = 1\noutput = 2\n";
        let all = Prices::with(own).unwrap();
        assert_eq!(all.of("gpt-5").unwrap().output, 2);
        assert_eq!(all.date, "2030-01-02");
        assert!(all.of("gpt-5-mini").is_some());
        let wrong = Prices::with("date = \"2030-01-02\"\n[model.x]\ninputs = 1\n").unwrap_err();
        assert!(wrong.contains("inputs"), "{wrong}");
    }
}
