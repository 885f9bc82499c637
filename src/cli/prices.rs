//! A person's own list prices: `prices.toml` beside their `config.toml`, over the built-in list.
//!
//! A repository's files are never read for this. Must not be read where a run is replayed: its events carry
//! what was computed.

use crate::config::user_file;
use crate::engine::Prices;

use super::load::read_layer;
use super::personal::Env;

/// Name of the file.
const FILE: &str = "prices.toml";

/// Reads a person's prices over the built-in ones; none: there is no such file.
///
/// # Errors
/// What is wrong with the file.
pub fn own(env: Env<'_>) -> Result<Option<Prices>, String> {
    let Some(path) = user_file(env).and_then(|file| Some(file.parent()?.join(FILE))) else {
        return Ok(None);
    };
    let named = |why: String| format!("{}: error: {}", path.display(), why.trim_end());
    match read_layer(&path).map_err(named)? {
        Some(text) => Prices::with(&text).map(Some).map_err(named),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_persons_prices_count_and_a_bad_file_is_named() {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("wavedeck");
        std::fs::create_dir_all(&dir).unwrap();
        let base = home.path().display().to_string();
        let env = |name: &str| (name == "XDG_CONFIG_HOME").then(|| base.clone());
        assert_eq!(own(&env), Ok(None));
        let text = "date = \"2031-05-06\"\n[model.mine]\ninput = 5\ncached = 1\ncache_write = 6\noutput = 9\n";
        std::fs::write(dir.join(FILE), text).unwrap();
        let prices = own(&env).unwrap().unwrap();
        assert_eq!(prices.of("mine").map(|price| price.output), Some(9));
        assert!(prices.of("gpt-5").is_some());
        std::fs::write(dir.join(FILE), "date = 5\n").unwrap();
        let why = own(&env).unwrap_err();
        assert!(why.contains("prices.toml: error: "), "{why}");
    }
}
