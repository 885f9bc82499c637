//! The longest common subsequence of two short lists, for words of a hunk and lines of a union.
//!
//! Bounded: common ends are set aside first, and a middle that is too large counts as different.

/// Cells of the table; above this the middle is taken as different. A quarter of a megabyte.
const MOST_CELLS: usize = 1 << 18;

/// Pairs of equal items, rising in both lists.
pub(super) fn common(a: &[&str], b: &[&str]) -> Vec<(usize, usize)> {
    let head = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    let (left, right) = (&a[head..], &b[head..]);
    let tail = left
        .iter()
        .rev()
        .zip(right.iter().rev())
        .take_while(|(x, y)| x == y)
        .count();
    let (left, right) = (&left[..left.len() - tail], &right[..right.len() - tail]);
    let mut out: Vec<(usize, usize)> = (0..head).map(|i| (i, i)).collect();
    middle(left, right, head, &mut out);
    out.extend((0..tail).map(|i| (a.len() - tail + i, b.len() - tail + i)));
    out
}

fn middle(a: &[&str], b: &[&str], head: usize, out: &mut Vec<(usize, usize)>) {
    let width = b.len() + 1;
    if a.is_empty() || b.is_empty() || (a.len() + 1).saturating_mul(width) > MOST_CELLS {
        return;
    }
    // Lengths fit: the table has at most 2^18 cells.
    let mut table = vec![0u32; (a.len() + 1) * width];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            table[i * width + j] = if a[i] == b[j] {
                table[(i + 1) * width + j + 1] + 1
            } else {
                table[(i + 1) * width + j].max(table[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    while i < a.len() && j < b.len() {
        if a[i] == b[j] {
            out.push((head + i, head + j));
            i += 1;
            j += 1;
        } else if table[(i + 1) * width + j] >= table[i * width + j + 1] {
            i += 1;
        } else {
            j += 1;
        }
    }
}
