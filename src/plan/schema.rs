//! The JSON Schema of plan files, for `wavedeck schema plan` and for editors.
//!
//! Must not be a second truth: a test compares its keys with the parser's, both ways.

/// The schema as JSON text.
pub const PLAN_SCHEMA: &str = include_str!("../../assets/schema/plan.json");

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use crate::plan::decode::Decoder;
    use crate::plan::{LoadOptions, keys, load, raw};

    fn properties(table: &Value) -> BTreeSet<&str> {
        table["properties"]
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect()
    }

    fn set<'k>(keys: &[&'k str]) -> BTreeSet<&'k str> {
        keys.iter().copied().collect()
    }

    #[test]
    fn schema_and_parser_know_the_same_keys() {
        let schema: Value = serde_json::from_str(super::PLAN_SCHEMA).unwrap();
        assert_eq!(properties(&schema), set(keys::PLAN));
        let defs = &schema["$defs"];
        let tables: [(&str, Vec<&str>); 20] = [
            ("limits", keys::LIMITS.to_vec()),
            ("model", keys::MODEL.to_vec()),
            ("worker", keys::WORKER.to_vec()),
            ("gate", keys::GATE.to_vec()),
            ("lease", keys::LEASE.to_vec()),
            ("workspace", keys::WORKSPACE.to_vec()),
            ("merge", keys::MERGE.to_vec()),
            ("rule", keys::RULE.to_vec()),
            ("domain", keys::DOMAIN.to_vec()),
            ("wave", keys::WAVE.to_vec()),
            ("phase", keys::PHASE.to_vec()),
            ("track", keys::TRACK.to_vec()),
            ("agent", keys::AGENT.to_vec()),
            ("defaults", keys::defaults()),
            ("override", keys::overrides()),
            ("mode", keys::MODE.to_vec()),
            ("need", keys::NEED.to_vec()),
            ("retry", keys::RETRY.to_vec()),
            ("scope", keys::SCOPE.to_vec()),
            ("context", keys::CONTEXT.to_vec()),
        ];
        for (name, known) in tables {
            assert_eq!(properties(&defs[name]), set(&known), "{name}");
        }
        assert_eq!(properties(&defs["sim"]), set(keys::SIM));
    }

    /// States every key with a value that no key takes, and looks that none is called unknown.
    #[test]
    fn the_parser_reads_every_key_that_it_knows() {
        let date = |keys: &[&str], skip: &[&str]| -> String {
            let keys = keys.iter().filter(|k| !skip.contains(k));
            keys.map(|k| format!("{k} = 1979-05-27"))
                .collect::<Vec<_>>()
                .join("\n")
        };
        let inline = |keys: &[&str]| {
            let all: Vec<String> = keys.iter().map(|k| format!("{k} = 1979-05-27")).collect();
            format!("{{ {} }}", all.join(", "))
        };
        let tables = [
            date(keys::PLAN, &[]),
            format!("[limits]\n{}", date(keys::LIMITS, &[])),
            format!("[model.x]\n{}", date(keys::MODEL, &[])),
            format!("[worker.x]\n{}", date(keys::WORKER, &[])),
            format!("[gate.x]\n{}", date(keys::GATE, &[])),
            format!("[lease.x]\n{}", date(keys::LEASE, &[])),
            format!("[workspace]\n{}", date(keys::WORKSPACE, &[])),
            format!("[merge]\n{}", date(keys::MERGE, &[])),
            format!("[merge]\nrules = {{ x = {} }}", inline(keys::RULE)),
            format!("[domain.x]\n{}", date(keys::DOMAIN, &[])),
            format!("[wave.1]\n{}", date(keys::WAVE, &[])),
            format!("[[phase]]\n{}", date(keys::PHASE, &[])),
            format!("[[track]]\n{}", date(keys::TRACK, &[])),
            format!("[defaults]\n{}", date(&keys::defaults(), &[])),
            format!("[[override]]\n{}", date(&keys::overrides(), &[])),
            format!("[[agent]]\n{}", date(keys::AGENT, &["each"])),
            format!("[[agent]]\n[[agent.mode]]\n{}", date(keys::MODE, &[])),
            format!("[[agent]]\nneeds = [{}]", inline(keys::NEED)),
            format!("[[agent]]\nretry = {}", inline(keys::RETRY)),
            format!("[[agent]]\nscope = {}", inline(keys::SCOPE)),
            format!("[[agent]]\ncontext = {}", inline(keys::CONTEXT)),
            format!("[[agent]]\nsim = {}", inline(keys::SIM)),
        ];
        for table in tables {
            let found =
                load(&table, &LoadOptions::default(), &mut |_| Err(String::new())).unwrap_err();
            let unknown: Vec<_> = found
                .iter()
                .filter(|d| d.message.starts_with("unknown key"))
                .collect();
            assert!(unknown.is_empty(), "{table}{unknown:?}");
            // As many complaints as keys: none is passed over in silence.
            let lines = found
                .iter()
                .filter(|d| d.message.starts_with("expected"))
                .count();
            assert!(lines >= table.matches("1979").count(), "{table}{found:?}");
        }
        let mut d = Decoder::default();
        raw::read(
            &mut d,
            &toml::de::DeTable::new(),
            &std::collections::BTreeMap::new(),
        );
        assert!(!d.sink.failed());
    }
}
