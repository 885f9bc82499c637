//! Every command that a run starts, on the page before it.

use super::line;
use crate::{
    cli::again::quoted,
    display::{clean_text, escape},
    plan::{Argv, MergeRule, Plan, Work},
    tui::{
        front::preflight::{Line, Section},
        view::Tone,
    },
};

/// Characters of a prompt that are shown.
const PROMPT: usize = 240;

/// Every command that is run, with whose it is.
pub(super) fn commands(plan: &Plan) -> Vec<Section> {
    let argv = |words: &[String]| {
        let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
        words.join(" ")
    };
    let mut runs = Vec::new();
    for agent in &plan.agents {
        let id = clean_text(agent.id.as_str(), 64);
        match &agent.work {
            Work::Command(words) => runs.push(line(&id, &escape(&argv(words)), Tone::Plain)),
            Work::Sim(_) => runs.push(line(&id, "simulated", Tone::Dim)),
            Work::Group => runs.push(line(&id, "nothing of its own", Tone::Dim)),
            Work::Prompt(prompt) => {
                for mode in &agent.modes {
                    let Some(worker) = mode.worker.map(|ix| &plan.workers[ix.ix()]) else {
                        continue;
                    };
                    let program = (worker.run.as_deref()).map_or_else(|| worker.name.clone(), argv);
                    runs.push(line(&id, &escape(&program), Tone::Plain));
                }
                let length = prompt.chars().count();
                let begin: String = prompt.chars().take(PROMPT).collect();
                let more = if length > PROMPT {
                    format!(" … ({length} characters; `check --expand` prints all)")
                } else {
                    String::new()
                };
                let text = format!("reads: {}{more}", clean_text(&begin, PROMPT));
                runs.push(line(" ", &text, Tone::Dim));
            }
        }
        for check in agent.needs.iter().flat_map(|need| &need.check) {
            let text = format!("before: {}", escape(&argv(check)));
            runs.push(line(" ", &text, Tone::Plain));
        }
        for check in &agent.check {
            let text = format!("check: {}", escape(&argv(check)));
            runs.push(line(" ", &text, Tone::Plain));
        }
    }
    let list = |all: &[Argv]| -> Vec<Line> {
        (all.iter())
            .map(|words| line("", &escape(&argv(words)), Tone::Plain))
            .collect()
    };
    let (setup, verify) = (list(&plan.workspace.setup), list(&plan.verify));
    let gates = plan.gates.iter().flat_map(|gate| {
        let id = clean_text(&gate.id, 64);
        (gate.run.iter()).map(move |words| line(&id, &escape(&argv(words)), Tone::Plain))
    });
    let gates: Vec<Line> = gates.collect();
    let rules = plan
        .merge
        .rules
        .iter()
        .filter_map(|(glob, rule)| match rule {
            MergeRule::Run(words) => Some(line(
                &clean_text(glob, 64),
                &escape(&argv(words)),
                Tone::Plain,
            )),
            MergeRule::Ours | MergeRule::Theirs | MergeRule::Union => None,
        });
    let rules: Vec<Line> = rules.collect();
    let mut out = vec![Section {
        title: "COMMANDS".to_owned(),
        lines: runs,
    }];
    for (title, lines) in [
        ("COMMANDS OF EACH NEW WORKSPACE", setup),
        ("COMMANDS OF GATES", gates),
        ("COMMANDS OF MERGE RULES", rules),
        ("COMMANDS AT THE END", verify),
    ] {
        if !lines.is_empty() {
            let title = title.to_owned();
            out.push(Section { title, lines });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{LoadOptions, load};

    #[test]
    fn every_command_is_on_the_page() {
        let text = r#"
verify = ["run-verify"]
[workspace]
setup = ["run-setup"]
[merge.rules]
"x.lock" = { run = "run-rule" }
[gate.g]
run = ["run-gate"]
[[phase]]
id = "p"
gates = ["g"]
[[agent]]
id = "a"
phase = "p"
run = "run-a"
check = ["run-check"]
[[agent]]
id = "b"
phase = "p"
run = "run-b"
needs = [{ agent = "a", check = ["run-need"] }]
"#;
        let plan = load(text, &LoadOptions::default(), &mut |_| unreachable!());
        let plan = plan.unwrap_or_else(|found| panic!("{found:?}")).plan;
        let shown = format!("{:?}", commands(&plan));
        for name in ["verify", "setup", "rule", "gate", "a", "check", "b", "need"] {
            assert!(shown.contains(&format!("run-{name}\"")), "{name}: {shown}");
        }
    }
}
