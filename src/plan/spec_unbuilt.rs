//! Agent keys that are checked and whose feature is not built: `run` refuses them by name.
//!
//! Must not drop one in silence: each is carried along as TOML.

use super::decode::{Decoder, Val, at};
use super::keys;
use super::spec::{AgentSpec, Carried};
use super::spec_parts::scope;

impl AgentSpec {
    /// Reads the keys that are checked, but not carried out; returns whether it is one of them.
    pub fn unbuilt(&mut self, d: &mut Decoder, name: &str, value: &Val<'_>) -> bool {
        match name {
            "scope" => {
                self.write_scope = Some(scope(d, value));
                self.carry(
                    d,
                    "scope",
                    value,
                    "leave `scope` out: this version does not watch what an agent writes",
                );
            }
            "domains" => {
                d.list(value, "a list of domains", |d, v| {
                    d.text(v, "the id of a domain")
                });
                self.carry(
                    d,
                    "domains",
                    value,
                    "order the agents by `needs`, or make them `exclusive`",
                );
            }
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
            "inputs" => {
                d.list(value, "a list of paths", Decoder::path);
                self.carry(
                    d,
                    "inputs",
                    value,
                    "name what must exist by `needs` with when = \"output:PATH\"",
                );
            }
            "outputs" => {
                d.list(value, "a list of paths", Decoder::path);
                self.carry(
                    d,
                    "outputs",
                    value,
                    "check for the files in `check`: [\"test -f PATH\"]",
                );
            }
            "ask" => {
                let word = d.one_of(
                    value,
                    &[("never", false), ("outside", true), ("always", false)],
                );
                let help = "leave `ask` out: this version does not pass questions on";
                self.carry(
                    d,
                    "ask",
                    value,
                    if word.is_some_and(|w| w.v) { "" } else { help },
                );
            }
            "on_ask" => {
                let word = d.one_of(value, &[("wait", true), ("fail", false)]);
                let help = "leave `on_ask` out: this version does not pass questions on";
                self.carry(
                    d,
                    "on_ask",
                    value,
                    if word.is_some_and(|w| w.v) { "" } else { help },
                );
            }
            "join" => {
                let words = [
                    ("fail-fast", ()),
                    ("merge-with-rules", ()),
                    ("manual-escalation", ()),
                ];
                d.one_of(value, &words);
                self.carry(
                    d,
                    "join",
                    value,
                    "leave `join` out: this version does not merge work",
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
