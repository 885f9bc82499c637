//! Globs as automata over bytes, and whether two of them can match the same path. Pure.
//!
//! Two non-deterministic automata and one of well-formed paths (no empty part, no `.` or `..`) are
//! walked together, breadth first: the first common end gives a shortest common path. Exact;
//! only globs too large to compare end without an answer.

use std::collections::{BTreeSet, VecDeque};

use super::tokens::{Bytes, Token, no_slash};

/// States of two globs together that are looked at; more would take too long.
const MOST_STATES: usize = 1 << 21;

/// A state: goes on without a byte, or with one of a set.
#[derive(Debug, Clone, Default)]
struct Node {
    free: Vec<usize>,
    step: Option<(Bytes, usize)>,
}

/// A glob that reads paths. State 0 is the start.
#[derive(Debug, Clone)]
pub(super) struct Automaton {
    nodes: Vec<Node>,
    end: usize,
    /// For each state those it can be in after a byte or at the end, all free ways taken.
    reach: Vec<Vec<usize>>,
}

/// Whether two globs can match the same path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meeting {
    Never,
    At(Vec<u8>),
    /// Too large.
    Unknown,
}

impl Automaton {
    /// Makes one that matches what any of the token lists matches.
    pub(super) fn of(forms: &[Vec<Token>]) -> Self {
        let mut made = Self {
            nodes: vec![Node::default()],
            end: 0,
            reach: Vec::new(),
        };
        made.end = made.node();
        for form in forms {
            let from = made.node();
            made.nodes[0].free.push(from);
            let to = if matches!(form.as_slice(), [Token::Prefix]) {
                made.anything(from)
            } else {
                made.list(form, from)
            };
            let end = made.end;
            made.nodes[to].free.push(end);
        }
        made.reach = (0..made.nodes.len()).map(|n| made.closure(n)).collect();
        made
    }

    fn node(&mut self) -> usize {
        self.nodes.push(Node::default());
        self.nodes.len() - 1
    }

    /// Returns the state after the tokens.
    fn list(&mut self, tokens: &[Token], mut at: usize) -> usize {
        for token in tokens {
            at = match token {
                Token::One(set) => self.byte(at, *set),
                Token::Star => self.many(at, no_slash()),
                Token::Prefix => {
                    // Nothing or one `/`, or anything up to a `/`.
                    let body = self.anything(at);
                    let to = self.byte(body, Bytes::one(b'/'));
                    self.nodes[at].free.push(to);
                    to
                }
                Token::Suffix => {
                    let to = self.byte(at, Bytes::one(b'/'));
                    self.anything(to)
                }
                Token::Middle => {
                    let first = self.byte(at, Bytes::one(b'/'));
                    let body = self.anything(first);
                    let to = self.byte(body, Bytes::one(b'/'));
                    self.nodes[first].free.push(to);
                    to
                }
                Token::Choice(choices) => {
                    let to = self.node();
                    for choice in choices {
                        let from = self.node();
                        self.nodes[at].free.push(from);
                        let end = self.list(choice, from);
                        self.nodes[end].free.push(to);
                    }
                    to
                }
            };
        }
        at
    }

    fn byte(&mut self, at: usize, set: Bytes) -> usize {
        // A state has one step: a fresh one is put before it.
        let from = self.node();
        self.nodes[at].free.push(from);
        let to = self.node();
        self.nodes[from].step = Some((set, to));
        to
    }

    fn many(&mut self, at: usize, set: Bytes) -> usize {
        let again = self.node();
        self.nodes[at].free.push(again);
        self.nodes[again].step = Some((set, again));
        again
    }

    fn anything(&mut self, at: usize) -> usize {
        self.many(at, Bytes::ALL)
    }

    fn closure(&self, of: usize) -> Vec<usize> {
        let mut seen = BTreeSet::from([of]);
        let mut open = vec![of];
        while let Some(node) = open.pop() {
            for &next in &self.nodes[node].free {
                if seen.insert(next) {
                    open.push(next);
                }
            }
        }
        seen.into_iter()
            .filter(|&n| n == self.end || self.nodes[n].step.is_some())
            .collect()
    }

    /// Whether some well-formed path matches both.
    pub(super) fn meets(&self, other: &Self) -> Meeting {
        let (n, m) = (self.nodes.len(), other.nodes.len());
        if n.saturating_mul(m).saturating_mul(PARTS) > MOST_STATES {
            return Meeting::Unknown;
        }
        let index = |a: usize, b: usize, part: Part| (a * m + b) * PARTS + part as usize;
        // How each was reached: from which, with which byte.
        let mut from: Vec<Option<(usize, u8)>> = vec![None; n * m * PARTS];
        let start = index(0, 0, Part::Start);
        let mut open = VecDeque::from([(0, 0, Part::Start)]);
        while let Some((a, b, part)) = open.pop_front() {
            let here = index(a, b, part);
            for &x in &self.reach[a] {
                for &y in &other.reach[b] {
                    if x == self.end && y == other.end && part == Part::Name {
                        return Meeting::At(path_to(&from, here, start));
                    }
                    let (Some((xs, x)), Some((ys, y))) = (self.nodes[x].step, other.nodes[y].step)
                    else {
                        continue;
                    };
                    for (byte, part) in part.steps(xs.and(ys)) {
                        let there = index(x, y, part);
                        if there != start && from[there].is_none() {
                            from[there] = Some((here, byte));
                            open.push_back((x, y, part));
                        }
                    }
                }
            }
        }
        Meeting::Never
    }
}

fn path_to(from: &[Option<(usize, u8)>], mut at: usize, start: usize) -> Vec<u8> {
    let mut path = Vec::new();
    while at != start
        && let Some((before, byte)) = from[at]
    {
        path.push(byte);
        at = before;
    }
    path.reverse();
    path
}

/// Where in a part of a path: the parts `.` and `..` are none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Start,
    Dot,
    DotDot,
    Name,
}

const PARTS: usize = 4;

impl Part {
    /// The bytes out of a set that are worth trying: one of each kind is enough.
    fn steps(self, set: Bytes) -> impl Iterator<Item = (u8, Self)> {
        let slash = (self == Self::Name && set.has(b'/')).then_some((b'/', Self::Start));
        let dot = set.has(b'.').then_some(match self {
            Self::Start => (b'.', Self::Dot),
            Self::Dot => (b'.', Self::DotDot),
            Self::DotDot | Self::Name => (b'.', Self::Name),
        });
        // Plain letters first; no NUL, which no path holds.
        let rest = set.and(Bytes::one(b'.').with(b'/', b'/').with(0, 0).not());
        let other = (!rest.is_empty())
            .then(|| {
                (b'a'..=b'z')
                    .chain(b'A'..=b'Z')
                    .chain(b'0'..=b'9')
                    .chain(b'!'..=b'~')
                    .chain(1..=u8::MAX)
                    .find(|&byte| rest.has(byte))
            })
            .flatten()
            .map(|byte| (byte, Self::Name));
        [other, dot, slash].into_iter().flatten()
    }
}
