//! The plan as text: summary, schedule with a Gantt chart, resource matrix, groups, options, advice.

use std::fmt::Write as _;

use ratatui::text::Span;

use crate::{
    plan::{AgentIx, Plan},
    schedule::{Analysis, Item, analysis::mode_name, matrix::Row},
};

use super::{bytes, clean, cpus, duration, thousandths, warnings};

/// Whether the text carries colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Colour {
    /// Plain text.
    #[default]
    None,
    /// ANSI colours of the 16.
    Ansi,
}

/// What a piece of text is, for its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Plain,
    Title,
    Dim,
    Critical,
    Bar,
    Warning,
}

impl Colour {
    fn paint(self, role: Role, text: &str) -> String {
        let code = match role {
            Role::Plain => "",
            Role::Title => "1",
            Role::Dim => "2",
            Role::Critical => "1;31",
            Role::Bar => "36",
            Role::Warning => "33",
        };
        if self == Self::None || code.is_empty() || text.trim().is_empty() {
            text.to_owned()
        } else {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        }
    }
}

/// Cells that a text takes.
pub(super) fn cells(text: &str) -> usize {
    Span::raw(text).width()
}

/// The text in exactly `width` cells: filled, or cut with an ellipsis.
fn fit(text: &str, width: usize, right: bool) -> String {
    let taken = cells(text);
    if taken <= width {
        let fill = " ".repeat(width - taken);
        return if right {
            format!("{fill}{text}")
        } else {
            format!("{text}{fill}")
        };
    }
    let mut out = String::new();
    for c in text.chars() {
        out.push(c);
        if cells(&out) >= width {
            out.pop();
            break;
        }
    }
    if width > 0 {
        out.push('…');
    }
    let fill = width.saturating_sub(cells(&out));
    out + &" ".repeat(fill)
}

/// Breaks a text at blanks; a word that is wider than a line is cut.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        let taken = cells(&line);
        if taken > 0 && taken + 1 + cells(word) > width {
            lines.push(std::mem::take(&mut line));
        } else if taken > 0 {
            line.push(' ');
        }
        let word = if cells(word) > width {
            fit(word, width, false)
        } else {
            word.to_owned()
        };
        line.push_str(&word);
    }
    lines.push(line);
    lines
}

/// A column of a table.
struct Column {
    title: &'static str,
    right: bool,
    /// Least and most cells.
    most: usize,
}

/// The analysis as text of at most `width` cells (at least 60).
#[must_use]
pub fn to_table(plan: &Plan, analysis: &Analysis, width: usize, colour: Colour) -> String {
    let width = width.max(60);
    let mut out = Page {
        width,
        colour,
        text: String::new(),
    };
    summary(&mut out, plan, analysis);
    gantt(&mut out, plan, analysis);
    matrix(&mut out, plan, analysis);
    groups(&mut out, plan, analysis);
    options(&mut out, analysis);
    let verdict = if analysis.advice.hybrid {
        "hybrid pays"
    } else {
        "hybrid does not pay"
    };
    out.title("Advice");
    out.line(
        &format!("{verdict}: {}", analysis.advice.reasons.join("; ")),
        Role::Plain,
    );
    let warnings = warnings(plan, analysis);
    if !warnings.is_empty() {
        out.title("Warnings");
        for warning in warnings {
            out.line(&warning, Role::Warning);
        }
    }
    out.text
}

struct Page {
    width: usize,
    colour: Colour,
    text: String,
}

impl Page {
    fn title(&mut self, text: &str) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.text.push_str(
            &self
                .colour
                .paint(Role::Title, fit(text, self.width, false).trim_end()),
        );
        self.text.push('\n');
    }

    /// One indented line, broken where it is too long.
    fn line(&mut self, text: &str, role: Role) {
        for (i, line) in wrap(text, self.width - 4).iter().enumerate() {
            self.text.push_str(if i == 0 { "  " } else { "    " });
            self.text.push_str(&self.colour.paint(role, line));
            self.text.push('\n');
        }
    }

    /// A name and its value.
    fn fact(&mut self, name: &str, value: &str) {
        for (i, line) in wrap(value, self.width - 17).iter().enumerate() {
            let name = if i == 0 { name } else { "" };
            self.text
                .push_str(&self.colour.paint(Role::Dim, &format!("  {name:<15}")));
            self.text.push_str(line);
            self.text.push('\n');
        }
    }

    /// Rows in columns; the widest ones give way when the page is too narrow.
    fn table(&mut self, columns: &[Column], rows: &[Vec<String>]) {
        let mut widths: Vec<usize> = columns
            .iter()
            .enumerate()
            .map(|(c, column)| {
                let widest = rows.iter().map(|row| cells(&row[c])).max().unwrap_or(0);
                widest.min(column.most).max(cells(column.title))
            })
            .collect();
        while widths.iter().sum::<usize>() + 2 * widths.len() > self.width {
            let Some(widest) = (0..widths.len()).max_by_key(|&c| (widths[c], c)) else {
                break;
            };
            if widths[widest] <= 4 {
                break;
            }
            widths[widest] -= 1;
        }
        let mut put = |texts: Vec<&str>, role: Role| {
            let mut line = String::new();
            for ((text, column), &width) in texts.iter().zip(columns).zip(&widths) {
                line.push_str("  ");
                line.push_str(&fit(text, width, column.right));
            }
            self.text
                .push_str(&self.colour.paint(role, line.trim_end()));
            self.text.push('\n');
        };
        put(columns.iter().map(|c| c.title).collect(), Role::Dim);
        for row in rows {
            put(row.iter().map(String::as_str).collect(), Role::Plain);
        }
    }
}

fn summary(out: &mut Page, plan: &Plan, analysis: &Analysis) {
    let (schedule, capacity, peaks) = (
        &analysis.schedule,
        &analysis.capacity,
        &analysis.schedule.peaks,
    );
    out.title(&format!(
        "{}: {} schedule",
        clean(&plan.name),
        mode_name(plan.mode)
    ));
    if let Some(goal) = &plan.goal {
        out.line(&clean(goal), Role::Plain);
    }
    let mut agents = format!(
        "{} in {} waves",
        plan.agents.len(),
        analysis.graph.waves().len()
    );
    if !schedule.not_expected.is_empty() {
        let _ = write!(
            agents,
            ", {} conditional and not expected",
            schedule.not_expected.len()
        );
    }
    out.fact("agents", &agents);
    let guess = if analysis.matrix.all.guessed { "~" } else { "" };
    let optimal = if analysis.proven_optimal() {
        "which proves it optimal"
    } else {
        "a shorter one may exist"
    };
    out.fact(
        "makespan",
        &format!(
            "{guess}{}; lower bound {guess}{}, {optimal}",
            duration(schedule.makespan_us),
            duration(analysis.lower_bound_us)
        ),
    );
    let speedup = (u128::from(analysis.sequential_us) * 100)
        .checked_div(u128::from(schedule.makespan_us))
        .unwrap_or(100);
    out.fact(
        "sequential",
        &format!(
            "{guess}{}; speed-up {}.{:02}",
            duration(analysis.sequential_us),
            speedup / 100,
            speedup % 100
        ),
    );
    let path: Vec<String> = analysis
        .critical
        .path
        .iter()
        .take(12)
        .map(|&ix| clean(plan.agent(ix).id.as_str()))
        .collect();
    let more = analysis.critical.path.len().saturating_sub(12);
    let more = if more > 0 {
        format!(" → … {more} more")
    } else {
        String::new()
    };
    out.fact(
        "critical path",
        &format!(
            "{guess}{}: {}{more}",
            duration(analysis.critical.length_us),
            path.join(" → ")
        ),
    );
    let mut used = format!(
        "{} of {} agents, {} of {} RAM, {} of {} CPUs",
        peaks.agents,
        capacity.agents,
        bytes(peaks.ram_bytes),
        bytes(capacity.ram_bytes),
        cpus(peaks.cpus_milli),
        cpus(capacity.cpus_milli),
    );
    if let Some(limit) = capacity.tokens_per_minute {
        let _ = write!(used, ", {} of {limit} tokens/min", peaks.tokens_per_minute);
    }
    for (name, n) in &peaks.resources {
        let limit = capacity
            .resources
            .get(name)
            .map_or_else(|| "any".to_owned(), u64::to_string);
        let _ = write!(used, ", {n} of {limit} {}", clean(name));
    }
    out.fact("peaks", &used);
}

/// Phase and track of an agent, `build/A`.
fn place(plan: &Plan, ix: AgentIx) -> String {
    let agent = plan.agent(ix);
    let phase = agent.phase.map_or("–", |p| &plan.phases[p.ix()].id);
    let track = agent.track.map_or("–", |t| &plan.tracks[t.ix()].id);
    clean(&format!("{phase}/{track}"))
}

fn gantt(out: &mut Page, plan: &Plan, analysis: &Analysis) {
    let schedule = &analysis.schedule;
    if schedule.items.is_empty() {
        return;
    }
    let wide = out.width;
    // Titles and widths; a narrow page leaves columns out.
    let mut columns: Vec<(Column, usize)> = Vec::new();
    let mut push = |title: &'static str, right: bool, least: usize, most: usize, from: usize| {
        if wide >= from {
            columns.push((Column { title, right, most }, least));
        }
    };
    let names = if wide >= 160 {
        32
    } else if wide >= 100 {
        24
    } else {
        18
    };
    push("agent", false, 5, names, 0);
    push("phase/track", false, 11, 20, 100);
    push("wave", true, 4, 5, 70);
    push("start", true, 5, 7, 0);
    push("end", true, 5, 8, 0);
    push("RAM", true, 4, 6, 0);
    push("worker", false, 6, 18, 110);
    push("slack", true, 5, 7, 70);
    let rows: Vec<(Vec<String>, &Item)> = schedule
        .items
        .iter()
        .map(|item| {
            let ix = item.agent;
            let group = analysis.graph.is_group(ix);
            let mode = analysis.choices.mode(plan, ix).filter(|_| !group);
            let guess = if mode.is_some_and(|m| m.duration.guessed) {
                "~"
            } else {
                ""
            };
            let slack = analysis.critical.slack(ix);
            let row = columns
                .iter()
                .map(|(column, _)| match column.title {
                    "agent" => {
                        let mark = if analysis.graph.parent(ix).is_some() {
                            "↳ "
                        } else {
                            ""
                        };
                        format!("{mark}{}", clean(plan.agent(ix).id.as_str()))
                    }
                    "phase/track" => place(plan, ix),
                    "wave" => analysis.graph.wave(ix).to_string(),
                    "start" => duration(item.start_us),
                    "end" if group => duration(item.done_us),
                    "end" => format!("{guess}{}", duration(item.end_us)),
                    "RAM" => mode.map_or_else(
                        || "–".to_owned(),
                        |m| {
                            format!(
                                "{}{}",
                                if m.ram_guessed { "~" } else { "" },
                                bytes(m.ram_bytes)
                            )
                        },
                    ),
                    "worker" => mode
                        .and_then(|m| m.worker)
                        .map_or_else(|| "–".to_owned(), |w| clean(&plan.workers[w.ix()].name)),
                    _ if slack == 0 => "!".to_owned(),
                    _ => format!("+{}", duration(slack)),
                })
                .collect();
            (row, item)
        })
        .collect();
    let widths: Vec<usize> = columns
        .iter()
        .enumerate()
        .map(|(c, (column, least))| {
            rows.iter()
                .map(|(row, _)| cells(&row[c]))
                .max()
                .unwrap_or(0)
                .clamp(*least, column.most)
        })
        .collect();
    let bar = wide.saturating_sub(widths.iter().sum::<usize>() + widths.len() + 2);
    out.title("Schedule  █ critical  ▓ other  · slack  ╌ sub-agents  ~ guessed");
    let mut head = String::new();
    for ((column, _), &width) in columns.iter().zip(&widths) {
        head.push(' ');
        head.push_str(&fit(column.title, width, column.right));
    }
    head.push_str("  ");
    let end = duration(schedule.makespan_us);
    let fill = bar.saturating_sub(1 + cells(&end));
    let _ = write!(head, "0{}{end}", " ".repeat(fill));
    let head = out.colour.paint(Role::Dim, &head);
    out.text.push_str(&head);
    out.text.push('\n');
    for (row, item) in rows {
        let critical = analysis.critical.is_critical(item.agent);
        let mut line = String::new();
        for (((column, _), &width), text) in columns.iter().zip(&widths).zip(&row) {
            let role = match column.title {
                "agent" | "slack" if critical => Role::Critical,
                _ => Role::Plain,
            };
            line.push(' ');
            line.push_str(&out.colour.paint(role, &fit(text, width, column.right)));
        }
        line.push_str("  ");
        line.push_str(&chart(out.colour, analysis, item, bar));
        out.text.push_str(line.trim_end());
        out.text.push('\n');
    }
}

/// One agent's bar in `width` cells.
fn chart(colour: Colour, analysis: &Analysis, item: &Item, width: usize) -> String {
    let total = u128::from(analysis.schedule.makespan_us.max(1));
    let cell = |us: u64| (u128::from(us) * width as u128 / total) as usize;
    let cell_up = |us: u64| (u128::from(us) * width as u128).div_ceil(total) as usize;
    let last = width.saturating_sub(1);
    let critical = analysis.critical.is_critical(item.agent);
    let start = cell(item.start_us).min(last);
    let end = cell_up(item.end_us).max(start + 1).min(width);
    let done = cell_up(item.done_us).max(end).min(width);
    // Slack is drawn from the end as planned up to the latest end that delays nothing.
    let latest = analysis.critical.latest_finish[item.agent.ix()];
    let slack = if done > end {
        done
    } else {
        cell_up(latest).max(end).min(width)
    };
    let group = analysis.graph.is_group(item.agent);
    let (glyph, role) = match (group, item.start_us == item.end_us, critical) {
        (true, ..) => ("╌", Role::Dim),
        (_, true, true) => ("◆", Role::Critical),
        (_, true, false) => ("◆", Role::Bar),
        (_, _, true) => ("█", Role::Critical),
        _ => ("▓", Role::Bar),
    };
    let mut text = " ".repeat(start);
    text.push_str(&colour.paint(role, &glyph.repeat(end - start)));
    text.push_str(&colour.paint(Role::Dim, &"╌".repeat(done - end)));
    text.push_str(&colour.paint(Role::Dim, &"·".repeat(slack.saturating_sub(done))));
    text
}

fn matrix(out: &mut Page, plan: &Plan, analysis: &Analysis) {
    let mut rows = Vec::new();
    let mut push = |kind: &str, name: &str, row: &Row| {
        let other: Vec<String> = row
            .peak_resources
            .iter()
            .map(|(name, n)| format!("{n} {}", clean(name)))
            .chain(
                row.spends
                    .iter()
                    .map(|(name, n)| format!("{n} {} in all", clean(name))),
            )
            .collect();
        rows.push(vec![
            format!("{kind} {}", clean(name)).trim_end().to_owned(),
            row.agents.to_string(),
            row.peak_agents.to_string(),
            bytes(row.peak_ram_bytes),
            cpus(row.peak_cpus_milli),
            row.tokens.to_string(),
            row.peak_tokens_per_minute.to_string(),
            format!(
                "{}{}",
                if row.guessed { "~" } else { "" },
                duration(row.work_us)
            ),
            if other.is_empty() {
                "–".to_owned()
            } else {
                other.join(", ")
            },
        ]);
    };
    for (track, row) in &analysis.matrix.tracks {
        push("track", track.map_or("–", |t| &plan.tracks[t.ix()].id), row);
    }
    for (phase, row) in &analysis.matrix.phases {
        push("phase", phase.map_or("–", |p| &plan.phases[p.ix()].id), row);
    }
    push("all", "", &analysis.matrix.all);
    let column = |title: &'static str, right: bool, most: usize| Column { title, right, most };
    out.title("Resources (at the peak of each row)");
    out.table(
        &[
            column("what", false, 24),
            column("agents", true, 7),
            column("beside", true, 7),
            column("RAM", true, 8),
            column("CPUs", true, 8),
            column("tokens", true, 12),
            column("/min", true, 10),
            column("work", true, 9),
            column("other", false, 40),
        ],
        &rows,
    );
}

fn groups(out: &mut Page, plan: &Plan, analysis: &Analysis) {
    if analysis.groups.is_empty() {
        return;
    }
    let names = |of: &[AgentIx]| {
        let shown: Vec<String> = of
            .iter()
            .take(8)
            .map(|&ix| clean(plan.agent(ix).id.as_str()))
            .collect();
        let more = of.len().saturating_sub(8);
        if more > 0 {
            format!("{} and {more} more", shown.join(", "))
        } else {
            shown.join(", ")
        }
    };
    out.title("Parallel groups");
    for group in analysis.groups.iter().take(20) {
        let after = if group.shared.is_empty() {
            "from the start".to_owned()
        } else {
            format!("after {}", names(&group.shared))
        };
        out.line(
            &format!(
                "{} ({}, {after}): {}",
                group.id,
                duration(group.duration_us),
                names(&group.members)
            ),
            Role::Plain,
        );
    }
    let more = analysis.groups.len().saturating_sub(20);
    if more > 0 {
        out.line(&format!("and {more} more"), Role::Dim);
    }
}

fn options(out: &mut Page, analysis: &Analysis) {
    let column = |title: &'static str, right: bool, most: usize| Column { title, right, most };
    out.title("Options");
    let term = |permille: u32| thousandths(permille.into());
    let rows: Vec<Vec<String>> = analysis
        .options
        .iter()
        .map(|o| {
            vec![
                format!(
                    "{}{}",
                    if o.chosen { "▸ " } else { "  " },
                    mode_name(o.mode)
                ),
                if o.feasible {
                    duration(o.makespan_us)
                } else {
                    "–".to_owned()
                },
                term(o.time),
                term(o.resources),
                term(o.quality),
                term(o.risk),
                term(o.score),
            ]
        })
        .collect();
    out.table(
        &[
            column("kind", false, 12),
            column("makespan", true, 9),
            column("time", true, 5),
            column("resources", true, 9),
            column("quality", true, 7),
            column("risk", true, 5),
            column("score", true, 5),
        ],
        &rows,
    );
    for option in &analysis.options {
        out.line(
            &format!("{}: {}", mode_name(option.mode), clean(&option.why)),
            Role::Plain,
        );
    }
}
