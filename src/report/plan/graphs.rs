//! The graph for other programs: Graphviz DOT and Mermaid. Nodes are numbered, names are labels.

use std::{collections::BTreeMap, fmt::Write as _};

use crate::{
    graph::{Edge, EdgeKind},
    plan::{AgentIx, PhaseIx, Plan},
    schedule::Analysis,
};

use super::{clean, condition, duration};

/// Id, worker and duration of an agent, one a line.
fn label(plan: &Plan, analysis: &Analysis, ix: AgentIx) -> Vec<String> {
    let mut lines = vec![clean(plan.agent(ix).id.as_str())];
    if analysis.graph.is_group(ix) {
        return lines;
    }
    if let Some(mode) = analysis.choices.mode(plan, ix) {
        if let Some(worker) = mode.worker {
            lines.push(super::worker(plan, ix, worker));
        }
        let guess = if mode.duration.guessed { "~" } else { "" };
        lines.push(format!("{guess}{}", duration(mode.duration.expected_us)));
    }
    lines
}

/// The conditions of an edge other than success.
fn conditions(plan: &Plan, edge: &Edge) -> String {
    let needs = plan
        .agent(edge.to)
        .needs
        .iter()
        .filter(|need| need.agent == edge.from);
    needs
        .map(|need| condition(&need.when))
        .collect::<Vec<_>>()
        .join(", ")
}

/// Agents by phase, those without one first.
fn by_phase(plan: &Plan) -> BTreeMap<Option<PhaseIx>, Vec<AgentIx>> {
    let mut phases: BTreeMap<Option<PhaseIx>, Vec<AgentIx>> = BTreeMap::new();
    for ix in plan.indices() {
        phases.entry(plan.agent(ix).phase).or_default().push(ix);
    }
    phases
}

/// Agents that stand out, as a list by number.
fn critical(analysis: &Analysis) -> Vec<bool> {
    let mut marks = vec![false; analysis.graph.len()];
    for ix in &analysis.critical.path {
        marks[ix.ix()] = true;
    }
    marks
}

/// Writes the graph in Graphviz' language.
#[must_use]
pub fn to_dot(plan: &Plan, analysis: &Analysis) -> String {
    let quote = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    let marks = critical(analysis);
    let mut out = format!(
        "digraph {} {{\n  rankdir=LR;\n  node [shape=box, style=rounded];\n",
        quote(&clean(&plan.name))
    );
    for (phase, agents) in by_phase(plan) {
        let indent = if phase.is_some() { "    " } else { "  " };
        if let Some(phase) = phase {
            let title = clean(&plan.phases[phase.ix()].title);
            let _ = writeln!(
                out,
                "  subgraph cluster_{} {{\n    label={};",
                phase.0,
                quote(&title)
            );
        }
        for ix in agents {
            let lines: Vec<String> = label(plan, analysis, ix)
                .iter()
                .map(|line| line.replace('\\', "\\\\").replace('"', "\\\""))
                .collect();
            let mut style = String::new();
            if marks[ix.ix()] {
                style.push_str(", color=red, penwidth=2");
            }
            if !analysis.choices.expected[ix.ix()] {
                style.push_str(", style=\"rounded,dashed\"");
            }
            let _ = writeln!(
                out,
                "{indent}n{} [label=\"{}\"{style}];",
                ix.0,
                lines.join("\\n")
            );
        }
        if phase.is_some() {
            out.push_str("  }\n");
        }
    }
    for edge in analysis.graph.edges() {
        let style = match edge.kind {
            EdgeKind::Hard if marks[edge.from.ix()] && marks[edge.to.ix()] => {
                " [color=red, penwidth=2]".to_owned()
            }
            EdgeKind::Hard => String::new(),
            EdgeKind::Conditional => {
                format!(" [style=dashed, label={}]", quote(&conditions(plan, edge)))
            }
            EdgeKind::Soft => " [style=dotted, constraint=false]".to_owned(),
            EdgeKind::Parent => " [arrowhead=odiamond]".to_owned(),
        };
        let _ = writeln!(out, "  n{} -> n{}{style};", edge.from.0, edge.to.0);
    }
    out.push_str("}\n");
    out
}

/// Writes the graph as a Mermaid flowchart.
#[must_use]
pub fn to_mermaid(plan: &Plan, analysis: &Analysis) -> String {
    // Whatever could mean something is written by its number.
    let escape = |text: &str| {
        let mut out = String::new();
        for c in text.chars() {
            if c.is_alphanumeric() || matches!(c, ' ' | '.' | '_' | '-' | ':' | ',' | '~' | '/') {
                out.push(c);
            } else {
                let _ = write!(out, "#{};", u32::from(c));
            }
        }
        out
    };
    let mut out = String::from("flowchart LR\n");
    for (phase, agents) in by_phase(plan) {
        let indent = if phase.is_some() { "    " } else { "  " };
        if let Some(phase) = phase {
            let title = clean(&plan.phases[phase.ix()].title);
            let _ = writeln!(out, "  subgraph p{}[\"{}\"]", phase.0, escape(&title));
        }
        for ix in agents {
            let lines: Vec<String> = label(plan, analysis, ix)
                .iter()
                .map(|line| escape(line))
                .collect();
            let _ = writeln!(out, "{indent}n{}[\"{}\"]", ix.0, lines.join("<br/>"));
        }
        if phase.is_some() {
            out.push_str("  end\n");
        }
    }
    for edge in analysis.graph.edges() {
        let arrow = match edge.kind {
            EdgeKind::Hard => "-->".to_owned(),
            EdgeKind::Conditional => {
                format!("-. \"{}\" .->", escape(&conditions(plan, edge)))
            }
            EdgeKind::Soft => "-.->".to_owned(),
            EdgeKind::Parent => "--o".to_owned(),
        };
        let _ = writeln!(out, "  n{} {arrow} n{}", edge.from.0, edge.to.0);
    }
    let path: Vec<String> = analysis
        .critical
        .path
        .iter()
        .map(|ix| format!("n{}", ix.0))
        .collect();
    if !path.is_empty() {
        out.push_str("  classDef critical stroke:#d33,stroke-width:3px\n");
        let _ = writeln!(out, "  class {} critical", path.join(","));
    }
    out
}
