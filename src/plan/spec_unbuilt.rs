//! Agent keys that are checked and whose feature is not built: `run` refuses them by name.
//!
//! Must not drop one in silence: each is carried along as TOML.

use super::decode::{Decoder, Val, at};
use super::keys;
use super::spec::{AgentSpec, Carried};

impl AgentSpec {
    /// Reads the keys that are checked, but not carried out; returns whether it is one of them.
    pub fn unbuilt(&mut self, d: &mut Decoder, name: &str, value: &Val<'_>) -> bool {
        match name {
            "context" => {
                if let Some(table) = d.table(value, "a table such as { files = [\"docs/*.md\"] }") {
                    for (key, value) in table {
                        match key.get_ref().as_ref() {
                            "issue" => drop(d.name(value, "an issue such as \"acme/shop#12\"")),
                            "files" => drop(d.list(value, "a list of paths", Decoder::path)),
                            _ => d.unknown_key(key, keys::CONTEXT),
                        }
                    }
                }
                self.carry(
                    d,
                    "context",
                    value,
                    "put what the agent must know into its `prompt`",
                );
            }
            _ => return false,
        }
        true
    }

    /// Notes a key with its value.
    pub fn carry(
        &mut self,
        d: &mut Decoder,
        key: &'static str,
        value: &Val<'_>,
        help: &'static str,
    ) {
        let toml = d.toml(value);
        let nothing = matches!(toml.as_str(), "[]" | "{}");
        self.carried.push(Carried {
            key,
            at: at(value),
            toml,
            help: if nothing { "" } else { help },
        });
    }
}
