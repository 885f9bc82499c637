//! Agent keys that are checked and whose feature is not built: `run` refuses them by name.
//!
//! Must not drop one in silence: each is carried along as TOML.

use super::decode::{Decoder, Val, at};
use super::keys;
use super::spec::{AgentSpec, Carried};
use super::units::CAPS;

impl AgentSpec {
    /// Reads the keys that are checked, but not carried out; returns whether it is one of them.
    pub fn unbuilt(&mut self, d: &mut Decoder, name: &str, value: &Val<'_>) -> bool {
        match name {
            "context" => {
                self.context(d, value);
            }
            _ => return false,
        }
        true
    }

    /// Reads `context`: files are told to the agent, issues are not read yet.
    fn context(&mut self, d: &mut Decoder, value: &Val<'_>) {
        let Some(table) = d.table(value, "a table such as { files = [\"docs/*.md\"] }") else {
            return;
        };
        let mut issue = false;
        for (key, value) in table {
            match key.get_ref().as_ref() {
                "issue" => {
                    issue = true;
                    drop(d.name(value, "an issue such as \"acme/shop#12\""));
                }
                "files" => {
                    self.context_files = d.list(value, "a list of paths", Decoder::tracked_glob);
                }
                "cap" => self.context_cap = d.whole32(value, *CAPS.start(), *CAPS.end()),
                _ => d.unknown_key(key, keys::CONTEXT),
            }
        }
        if issue {
            let help = "leave `issue` out: put what the agent must know of it into its `prompt`";
            self.carry(d, "context", value, help);
            (self.context_files, self.context_cap) = (None, None);
        }
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
