//! Puts a prompt together: what fits under the limit, in one order, with what was cut said.
//!
//! The same items give the same bytes in whatever order they come. Must not drop in silence: what is
//! cut has a mark, what is left out is named, and what must not be cut is an error.

use std::fmt::Write as _;

use super::{
    item::{Item, Kind, Tier},
    provenance::{Origin, Use, block, line, more},
    redact::Redactor,
    tokens::tokens,
};
use crate::display::clean_line;

/// Tokens of one dispatch where nothing else is said (requirement J1).
pub const LIMIT: u32 = 20_000;
/// Share of the limit that is filled, in permille: the estimate may be a little low.
const FILLED: u64 = 950;
/// Shares of the limit that are kept for what was said and for files while there is any, in permille.
const TALK: u64 = 350;
const FILES: u64 = 250;
/// Largest share that one item which may be cut takes, in permille.
const ITEM: u64 = 300;
/// Smallest share of an item that is worth having, in permille.
const LEAST: u64 = 250;
/// Part of what is left beside the pinned items that names of what is left out may take.
const NAMES: u64 = 8;
/// Columns of a source in the provenance block.
const SOURCE: usize = 160;

/// How large a prompt may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Tokens.
    pub tokens: u32,
    /// Tokens of the model's vocabulary for 1,000 of the estimate.
    pub permille: u32,
}

impl Default for Limit {
    fn default() -> Self {
        Self {
            tokens: LIMIT,
            permille: 1000,
        }
    }
}

impl Limit {
    /// Tokens of the estimate that may be filled.
    fn budget(self) -> u64 {
        let own = u64::from(self.tokens) * 1000 / u64::from(self.permille.max(1));
        own * FILLED / 1000
    }
}

/// A prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    /// What the agent reads.
    pub text: String,
    /// Its tokens, estimated, before a family's factor.
    pub tokens: u32,
    /// What all items would have taken, uncut.
    pub offered: u32,
    /// Secrets that were taken out.
    pub redacted: u64,
    /// What came from where, in the order of the prompt.
    pub origins: Vec<Origin>,
}

/// Items that must not be cut take more than there is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.words())]
pub struct Overflow {
    /// Tokens that may be filled.
    pub budget: u64,
    /// Tokens that they take.
    pub needed: u64,
    /// The largest of them: where they came from, and their tokens.
    pub largest: Vec<(String, u32)>,
}

impl Overflow {
    fn words(&self) -> String {
        let largest: Vec<String> = (self.largest.iter())
            .map(|(source, tokens)| format!("{source} ~{tokens}"))
            .collect();
        format!(
            "its prompt needs ~{} tokens that must not be cut, of {} that it may have: {}",
            self.needed,
            self.budget,
            largest.join(", ")
        )
    }
}

/// An item on its way into the prompt.
struct Part {
    item: Item,
    sha256: String,
    /// As it stands in the prompt.
    shown: String,
    cost: u64,
    used: Use,
    named: bool,
}

/// Puts a prompt together.
///
/// # Errors
/// Items that must not be cut do not fit.
pub fn compose(items: &[Item], limit: Limit, redactor: &Redactor) -> Result<Prompt, Overflow> {
    let mut items = items.to_vec();
    items.sort();
    items.dedup();
    let mut redacted = 0;
    let mut parts: Vec<Part> = (items.iter())
        .map(|item| part(item, redactor, &mut redacted))
        .collect();
    let offered = headings(&parts) + parts.iter().map(|p| p.cost).sum::<u64>();
    let budget = limit.budget();
    let mut left = pin(&mut parts, budget)?;
    // Names of what may be left out are paid for first, so that they always fit.
    let mut names = left / NAMES;
    for part in parts.iter_mut().filter(|p| !p.item.kind.pinned()) {
        let cost = line_cost(part);
        if cost <= names {
            names -= cost;
            left -= cost;
            part.named = true;
        }
    }
    for tier in [Tier::Task, Tier::Talk, Tier::Files] {
        let kept = kept_for_later(&parts, tier, limit.budget());
        for part in &mut parts {
            if part.item.kind.pinned() || part.item.kind.tier() != tier {
                continue;
            }
            let line = if part.named { 0 } else { line_cost(part) };
            let room = left.saturating_sub(kept).min(budget * ITEM / 1000);
            let Some(room) = room.checked_sub(line) else {
                continue;
            };
            fit(part, room);
            if part.used != Use::LeftOut {
                left -= part.cost + line;
                part.named = true;
            }
        }
    }
    Ok(written(&parts, limit, offered, redacted))
}

/// Cleans an item and shows it in full.
fn part(item: &Item, redactor: &Redactor, redacted: &mut u64) -> Part {
    let (text, found) = redactor.clean_counted(&item.text);
    let (source, more) = redactor.clean_counted(&clean_line(&item.source, SOURCE));
    *redacted += found + more;
    let item = Item {
        kind: item.kind,
        rank: item.rank,
        source,
        text,
    };
    let shown = shown(&item, &item.text, None);
    Part {
        sha256: digest(&item.text),
        cost: u64::from(tokens(&shown)),
        shown,
        item,
        used: Use::LeftOut,
        named: false,
    }
}

fn digest(text: &str) -> String {
    use sha2::{Digest, Sha256};
    let hash = Sha256::digest(text.as_bytes());
    hash.iter().take(6).fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// An item as it stands in a prompt; `cut` is the mark of what is missing, and whether that is at its
/// beginning.
fn shown(item: &Item, text: &str, cut: Option<(u32, bool)>) -> String {
    let mut out = String::with_capacity(text.len() + 200);
    if item.kind.fenced() {
        let _ = write!(out, "### {}\n\n", item.source);
    }
    let fence = fence(text);
    if item.kind.fenced() {
        let _ = writeln!(out, "{fence}text");
    }
    let mark = cut.map(|(lines, _)| format!("[… {lines} lines cut …]\n"));
    let first = cut.is_some_and(|(_, first)| first);
    if let Some(mark) = mark.as_ref().filter(|_| first) {
        out.push_str(mark);
    }
    out.push_str(text);
    if !text.is_empty() && !text.ends_with('\n') {
        out.push('\n');
    }
    if let Some(mark) = mark.filter(|_| !first) {
        out.push_str(&mark);
    }
    if item.kind.fenced() {
        let _ = writeln!(out, "{fence}");
    }
    out.push('\n');
    out
}

/// What stands before and after a foreign text, so that nothing in it ends it: more backticks than it has in a row.
#[must_use]
pub fn fence(text: &str) -> String {
    let runs = text.split(|c| c != '`').map(str::len);
    "`".repeat(runs.max().unwrap_or(0).max(2) + 1)
}

/// Tokens of the headings of all items.
fn headings(parts: &[Part]) -> u64 {
    let there = |kind: &&Kind| parts.iter().any(|p| p.item.kind == **kind);
    let all = Kind::ALL.iter().filter(there);
    all.map(|kind| u64::from(tokens(kind.heading()))).sum()
}

/// Takes what must not be cut, and the frame around it; returns what is left.
fn pin(parts: &mut [Part], budget: u64) -> Result<u64, Overflow> {
    let frame: u64 = headings(parts)
        + u64::from(tokens(&block(&[], u32::MAX, u32::MAX, u32::MAX)))
        + u64::from(tokens(&more(u32::MAX)));
    let mut needed = frame;
    for part in parts.iter_mut().filter(|p| p.item.kind.pinned()) {
        part.used = Use::Whole;
        part.named = true;
        needed += part.cost + line_cost(part);
    }
    budget.checked_sub(needed).ok_or_else(|| {
        let pinned = parts.iter().filter(|p| p.item.kind.pinned());
        let mut largest: Vec<(String, u32)> = pinned
            .map(|p| (p.item.source.clone(), whole(p.cost)))
            .collect();
        largest.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        largest.truncate(5);
        Overflow {
            budget,
            needed,
            largest,
        }
    })
}

fn whole(tokens: u64) -> u32 {
    u32::try_from(tokens).unwrap_or(u32::MAX)
}

/// What later tiers want, up to their share.
fn kept_for_later(parts: &[Part], tier: Tier, budget: u64) -> u64 {
    let wants = |which: Tier, share: u64| {
        let of_it = parts.iter().filter(|p| p.item.kind.tier() == which);
        of_it
            .map(|p| p.cost)
            .sum::<u64>()
            .min(budget * share / 1000)
    };
    match tier {
        Tier::Task => wants(Tier::Talk, TALK) + wants(Tier::Files, FILES),
        Tier::Talk => wants(Tier::Files, FILES),
        Tier::Files => 0,
    }
}

/// Makes an item fit into a room: whole, cut at a line, or not at all.
fn fit(part: &mut Part, room: u64) {
    if part.cost <= room {
        part.used = Use::Whole;
        return;
    }
    if room * 1000 < part.cost * LEAST {
        return;
    }
    let lines: Vec<&str> = part.item.text.split_inclusive('\n').collect();
    let last = part.item.kind.keeps_its_end();
    let cut_to = |keep: usize| {
        let text = if last {
            lines[lines.len() - keep..].concat()
        } else {
            lines[..keep].concat()
        };
        let cut = u32::try_from(lines.len() - keep).unwrap_or(u32::MAX);
        (shown(&part.item, &text, Some((cut, last))), cut)
    };
    // More lines never take fewer tokens, so the most that fit can be searched for by halves.
    let (mut fits, mut over) = (0, lines.len());
    while fits + 1 < over {
        let middle = fits.midpoint(over);
        if u64::from(tokens(&cut_to(middle).0)) <= room {
            fits = middle;
        } else {
            over = middle;
        }
    }
    if fits == 0 {
        return;
    }
    let (shown, cut) = cut_to(fits);
    let cost = u64::from(tokens(&shown));
    if cost > room || cost * 1000 < part.cost * LEAST {
        return;
    }
    part.used = Use::Cut(cut);
    part.shown = shown;
    part.cost = cost;
}

/// Tokens of an item's line in the provenance block, at most.
fn line_cost(part: &Part) -> u64 {
    let widest = Origin {
        tokens: whole(part.cost),
        used: Use::Cut(u32::try_from(part.item.text.lines().count()).unwrap_or(u32::MAX)),
        ..origin(part)
    };
    u64::from(tokens(&line(&widest)))
}

fn origin(part: &Part) -> Origin {
    Origin {
        kind: part.item.kind,
        source: part.item.source.clone(),
        sha256: part.sha256.clone(),
        tokens: if part.used == Use::LeftOut {
            0
        } else {
            whole(part.cost)
        },
        used: part.used,
    }
}

fn written(parts: &[Part], limit: Limit, offered: u64, redacted: u64) -> Prompt {
    let mut text = String::new();
    for kind in Kind::ALL {
        let mut used = parts
            .iter()
            .filter(|p| p.item.kind == kind && p.used != Use::LeftOut)
            .peekable();
        if used.peek().is_some() {
            text.push_str(kind.heading());
        }
        used.for_each(|part| text.push_str(&part.shown));
    }
    let origins: Vec<Origin> = parts.iter().map(origin).collect();
    let mut list: Vec<String> = (parts.iter().zip(&origins))
        .filter(|(part, _)| part.named)
        .map(|(_, origin)| line(origin))
        .collect();
    let unnamed = parts.iter().filter(|p| !p.named).count();
    if unnamed > 0 {
        list.push(more(whole(unnamed as u64)));
    }
    let body = tokens(&text);
    let offered = whole(offered);
    text.push_str(&block(&list, body, limit.tokens, offered));
    Prompt {
        tokens: tokens(&text),
        offered,
        redacted,
        origins,
        text,
    }
}
