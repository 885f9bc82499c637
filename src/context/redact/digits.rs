//! Numbers that need no keyword because they carry a check: payment cards and IBANs.
//!
//! Must stay one pass over the text that does next to nothing where there are no digits.

use std::ops::Range;

/// Digits of an IBAN after the country, per country (SWIFT's registry, release 99; those that are
/// used for payments most).
const IBAN: [(&[u8; 2], usize); 40] = [
    (b"AD", 24),
    (b"AE", 23),
    (b"AT", 20),
    (b"BE", 16),
    (b"BG", 22),
    (b"BR", 29),
    (b"CH", 21),
    (b"CY", 28),
    (b"CZ", 24),
    (b"DE", 22),
    (b"DK", 18),
    (b"EE", 20),
    (b"ES", 24),
    (b"FI", 18),
    (b"FR", 27),
    (b"GB", 22),
    (b"GR", 27),
    (b"HR", 21),
    (b"HU", 28),
    (b"IE", 22),
    (b"IL", 23),
    (b"IS", 26),
    (b"IT", 27),
    (b"LI", 21),
    (b"LT", 20),
    (b"LU", 20),
    (b"LV", 21),
    (b"MC", 27),
    (b"MT", 31),
    (b"NL", 18),
    (b"NO", 15),
    (b"PL", 28),
    (b"PT", 25),
    (b"RO", 24),
    (b"RS", 22),
    (b"SA", 24),
    (b"SE", 24),
    (b"SI", 19),
    (b"SK", 24),
    (b"TR", 26),
];

/// Which of the two a find is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Number {
    Card,
    Iban,
}

/// Looks through a text.
pub(super) fn numbers(text: &[u8], mut found: impl FnMut(Range<usize>, Number)) {
    let mut at = 0;
    while let Some(next) = text[at..].iter().position(u8::is_ascii_digit) {
        let start = at + next;
        if let Some(span) = iban(text, start) {
            at = span.end;
            found(span, Number::Iban);
            continue;
        }
        let end = run(text, start);
        if let Some(span) = card(text, start..end) {
            found(span, Number::Card);
        }
        at = end;
    }
}

/// The end of digits with single blanks or hyphens between them.
fn run(text: &[u8], start: usize) -> usize {
    let mut end = start + 1;
    loop {
        match text.get(end) {
            Some(b) if b.is_ascii_digit() => end += 1,
            Some(b' ' | b'-') if text.get(end + 1).is_some_and(u8::is_ascii_digit) => end += 2,
            _ => return end,
        }
    }
}

fn joined(byte: Option<&u8>) -> bool {
    byte.is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-' | b'+'))
}

/// The same after it, where a full stop may end a sentence.
fn goes_on(text: &[u8], end: usize) -> bool {
    match text.get(end) {
        Some(b'.') => joined(text.get(end + 1)),
        next => joined(next),
    }
}

/// A card's number fills its run: 13 to 19 digits, undivided or in its usual groups, an issuer's
/// beginning and length, and Luhn's check digit (ISO/IEC 7812-1).
fn card(text: &[u8], span: Range<usize>) -> Option<Range<usize>> {
    let whole = &text[span.clone()];
    if whole.len() < 13 || whole.len() > 23 {
        return None;
    }
    let before = span.start.checked_sub(1).map(|at| &text[at]);
    if joined(before) || goes_on(text, span.end) {
        return None;
    }
    let digits: Vec<u8> = whole
        .iter()
        .filter(|b| b.is_ascii_digit())
        .map(|b| b - b'0')
        .collect();
    let groups: Vec<usize> = whole
        .split(|b| !b.is_ascii_digit())
        .map(<[u8]>::len)
        .collect();
    let usual = matches!(
        groups.as_slice(),
        [_] | [4, 4, 4, 1..=4] | [4, 6, 4 | 5] | [4, 4, 4, 4, 1..=3]
    );
    let of = |len: usize| {
        digits
            .iter()
            .take(len)
            .fold(0_u32, |n, d| n * 10 + u32::from(*d))
    };
    let issuer = match digits.len() {
        16 => {
            digits[0] == 4
                || (51..=55).contains(&of(2))
                || (2221..=2720).contains(&of(4))
                || of(4) == 6011
                || of(2) == 65
                || (3528..=3589).contains(&of(4))
        }
        15 => matches!(of(2), 34 | 37),
        14 => matches!(of(2), 36 | 38) || (300..=305).contains(&of(3)),
        _ => false,
    };
    (usual && issuer && luhn(&digits)).then_some(span)
}

fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = (digits.iter().rev().enumerate())
        .map(|(at, d)| match (at % 2, u32::from(*d)) {
            (0, d) => d,
            (_, d) if d > 4 => d * 2 - 9,
            (_, d) => d * 2,
        })
        .sum();
    sum.is_multiple_of(10) && digits.iter().any(|d| *d != digits[0])
}

/// An IBAN whose first check digit stands at `at`: country, two check digits, undivided or in groups
/// of four; the remainder by 97 is 1 (ISO 13616).
fn iban(text: &[u8], at: usize) -> Option<Range<usize>> {
    let start = at.checked_sub(2)?;
    let country = &text[start..at];
    if !country.iter().all(u8::is_ascii_uppercase) || !text.get(at + 1)?.is_ascii_digit() {
        return None;
    }
    if start > 0 && joined(Some(&text[start - 1])) {
        return None;
    }
    let (_, length) = IBAN.iter().find(|(c, _)| *c == country)?;
    let mut all = Vec::with_capacity(*length);
    let mut end = start;
    while all.len() < *length {
        match text.get(end)? {
            b' ' if all.len().is_multiple_of(4) && !all.is_empty() => {}
            b if b.is_ascii_digit() || b.is_ascii_uppercase() => all.push(*b),
            _ => return None,
        }
        end += 1;
    }
    if goes_on(text, end) {
        return None;
    }
    all.rotate_left(4);
    let rest = all.iter().fold(0_u32, |rest, b| match b {
        b'0'..=b'9' => (rest * 10 + u32::from(b - b'0')) % 97,
        _ => (rest * 100 + u32::from(b - b'A') + 10) % 97,
    });
    (rest == 1).then_some(start..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(String, Number)> {
        let mut all = Vec::new();
        numbers(text.as_bytes(), |span, kind| {
            all.push((text[span].to_owned(), kind));
        });
        all
    }

    #[test]
    fn cards_and_accounts_are_told_by_their_check_digits() {
        for card in [
            "4111 1111 1111 1111",
            "4111-1111-1111-1111",
            "5555555555554444",
            "378282246310005",
            "3782 822463 10005",
            "6011111111111117",
            "30569309025904",
        ] {
            assert_eq!(
                found(&format!("a {card}, b")),
                [(card.to_owned(), Number::Card)]
            );
        }
        for iban in [
            "DE89 3704 0044 0532 0130 00",
            "GB29NWBK60161331926819",
            "NO9386011117947",
        ] {
            assert_eq!(
                found(&format!("to {iban}.")),
                [(iban.to_owned(), Number::Iban)]
            );
        }
    }

    #[test]
    fn other_numbers_stay() {
        for text in [
            "4111 1111 1111 1112",
            "DE89 3704 0044 0532 0130 01",
            "1732231412345678",
            "0.4111111111111111",
            "4111111111111111a",
            "id_4111111111111111",
            "41 11 11 11 11 11 11 11",
            "0000000000000000",
            "2026-11-20 10:00:00",
        ] {
            assert_eq!(found(text), [], "{text}");
        }
    }
}
