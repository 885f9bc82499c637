//! A text in words alone, for screen readers: what signs and columns say to the eye is said in
//! words or left out.
//!
//! Pure. Must not be used for what programs read.

/// Signs that have a word.
const WORDS: [(&str, &str); 8] = [
    (" · ", ", "),
    (" → ", " then "),
    ("…", "..."),
    (" ×", " times"),
    ("≥", "at least "),
    ("≤", "at most "),
    ("`", ""),
    ("**", ""),
];

/// Says a text line by line: the cells of a table are named by their column, blanks that align
/// become commas, an estimate's `~` becomes "about", drawing characters and marks vanish.
#[must_use]
pub fn spoken(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut head: Option<Vec<String>> = None;
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let Some(cells) = cells(line) else {
            head = None;
            let line = words(line.trim_start_matches('#').trim());
            out.push_str(&line);
            out.push('\n');
            continue;
        };
        let rule = |line: &&str| {
            let dashes = |c: &String| !c.is_empty() && c.chars().all(|c| matches!(c, '-' | ':'));
            self::cells(line).is_some_and(|cells| cells.iter().all(dashes))
        };
        if head.is_none() && lines.peek().is_some_and(rule) {
            lines.next();
            head = Some(cells);
            continue;
        }
        let names = head.as_deref().unwrap_or_default();
        let said: Vec<String> = cells
            .iter()
            .enumerate()
            .filter(|(_, cell)| !cell.is_empty())
            .map(|(i, cell)| {
                let cell = if cell == "–" {
                    "none".to_owned()
                } else {
                    words(cell)
                };
                match names.get(i).filter(|name| !name.is_empty() && i > 0) {
                    Some(name) => format!("{}: {cell}", words(name)),
                    None => cell,
                }
            })
            .collect();
        out.push_str(&said.join(", "));
        out.push('\n');
    }
    if !text.ends_with('\n') {
        out.pop();
    }
    out
}

/// Cells of a row of a Markdown table.
fn cells(line: &str) -> Option<Vec<String>> {
    let inner = line.trim().strip_prefix('|')?.strip_suffix('|')?;
    Some(inner.split('|').map(|c| c.trim().to_owned()).collect())
}

/// One line in words.
fn words(line: &str) -> String {
    let mut text = line.trim().to_owned();
    for (sign, word) in WORDS {
        text = text.replace(sign, word);
    }
    let mut out = String::with_capacity(text.len());
    let mut blanks = 0;
    for (i, c) in text.char_indices() {
        if c == ' ' {
            blanks += 1;
            continue;
        }
        let next = text[i + c.len_utf8()..].chars().next();
        // Lines, boxes, blocks, shapes, arrows and check marks.
        if matches!(c, '\u{2190}'..='\u{21ff}' | '\u{2500}'..='\u{25ff}' | '\u{2700}'..='\u{27bf}' | '·' | '‖' | '⋈' | '⊘')
        {
            continue;
        }
        if blanks > 0 && !out.is_empty() {
            let ended = out.ends_with([',', ':', ';', '.', '(']);
            out.push_str(if blanks > 1 && !ended { ", " } else { " " });
        }
        blanks = 0;
        let before = text[..i].chars().next_back();
        let estimate =
            next.is_some_and(|n| n.is_ascii_digit()) && before.is_none_or(|b| !b.is_alphanumeric());
        let digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
        if c == '/' && digit(before) && digit(next) {
            out.push_str(" of ");
        } else if c == '~' && estimate {
            out.push_str("about ");
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_columns_and_tables_become_words() {
        for (text, said) in [
            (
                "  running     api    3m 42M · reads\n",
                "running, api, 3m 42M, reads\n",
            ),
            ("● run ── ~4m left", "run, about 4m left"),
            ("the end hung on a → b", "the end hung on a then b"),
            ("a~4 and 3/4 of src/4", "a~4 and 3 of 4 of src/4"),
            (
                "try `wavedeck ctl retry api` …",
                "try wavedeck ctl retry api ...",
            ),
            (
                "## Measures\n\n| | value | limit |\n|---|--:|---|\n| wall | 3 s | – |\n| cpu | 2 s | 4 s |\n\nend",
                "Measures\n\nwall, value: 3 s, limit: none\ncpu, value: 2 s, limit: 4 s\n\nend",
            ),
            ("| no | table", "| no | table"),
        ] {
            assert_eq!(spoken(text), said);
        }
    }
}
