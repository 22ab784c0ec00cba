//! Closed forms of multilinear extensions.

use p3_field::PrimeCharacteristicRing;

use crate::{K, integer};

/// Coordinates of an axis of length `len`: ceil(log2 len); 0 for lengths 0 and 1.
pub fn bits(len: u64) -> usize {
    u64::BITS.saturating_sub(len.saturating_sub(1).leading_zeros()) as usize
}

/// `[eq(point, i) for i < 2^point.len()]`.
pub fn eq_table(point: &[K]) -> Vec<K> {
    eq_prefix(point, usize::MAX)
}

/// The first `len` entries of [`eq_table`], all of them when it has fewer; no more are computed.
pub fn eq_prefix(point: &[K], len: usize) -> Vec<K> {
    let mut table = vec![K::ONE];
    for (&r, left) in point.iter().zip((0..point.len()).rev()) {
        // Appending a lower digit: entry i becomes the pair (2i, 2i + 1). Each is the first of 2^left entries.
        let wanted = len.checked_shr(left as u32).unwrap_or(0).saturating_add(1);
        let mut next = Vec::with_capacity(table.len().saturating_mul(2));
        for &value in &table {
            let high = value * r;
            next.push(value - high);
            next.push(high);
        }
        next.truncate(wanted);
        table = next;
    }
    table.truncate(len);
    table
}

/// `prod_b (x_b y_b + (1 - x_b)(1 - y_b))`; points of different lengths are compared on their common prefix.
pub fn eq(x: &[K], y: &[K]) -> K {
    x.iter().zip(y).fold(K::ONE, |product, (&a, &b)| {
        let ab = a * b;
        product * (ab + ab - a - b + K::ONE)
    })
}

/// `eq(point, binary digits of index)`. Digits above `point.len()` must be zero, else the result is zero.
pub fn eq_index(point: &[K], index: u64) -> K {
    let n = point.len() as u32;
    if index.checked_shr(n).unwrap_or(0) != 0 {
        return K::ZERO;
    }
    point.iter().zip((0..n).rev()).fold(K::ONE, |product, (&r, b)| {
        product * if index.checked_shr(b).unwrap_or(0) & 1 == 1 { r } else { K::ONE - r }
    })
}

/// `LT_len(point) = sum_{i < len} eq(point, i)`, in O(point.len()).
pub fn less_than(point: &[K], len: u64) -> K {
    let n = point.len() as u32;
    if len.checked_shr(n).unwrap_or(0) != 0 {
        return K::ONE;
    }
    let (mut total, mut prefix) = (K::ZERO, K::ONE);
    for (&r, b) in point.iter().zip((0..n).rev()) {
        if len.checked_shr(b).unwrap_or(0) & 1 == 1 {
            total += prefix * (K::ONE - r);
            prefix *= r;
        } else {
            prefix *= K::ONE - r;
        }
    }
    total
}

/// `sum_{i < len} i eq(point, i)`, in O(point.len()^2).
pub fn iota(point: &[K], len: u64) -> K {
    let n = point.len() as u32;
    let power = |b: u32| integer(1i64.checked_shl(b).unwrap_or(0));
    let digits = || point.iter().zip((0..n).rev());
    let below = |most: u32| digits().filter(|(_, b)| *b < most).fold(K::ZERO, |s, (&r, b)| s + r * power(b));
    if len.checked_shr(n).unwrap_or(0) != 0 {
        return below(n);
    }
    let (mut total, mut prefix, mut base) = (K::ZERO, K::ONE, K::ZERO);
    for (&r, b) in digits() {
        if len.checked_shr(b).unwrap_or(0) & 1 == 1 {
            total += prefix * (K::ONE - r) * (below(b) + base);
            prefix *= r;
            base += power(b);
        } else {
            prefix *= K::ONE - r;
        }
    }
    total
}

/// The value at `x` of the polynomial of degree below `values.len()` (at most 8) with `p(i) = values[i]`, i = 0, 1, ...
/// The denominators are the inverses of small integers.
pub fn interpolation_weights(count: usize, x: K) -> Vec<K> {
    use p3_field::Field;
    (0..count as i64)
        .map(|i| {
            (0..count as i64).filter(|&j| j != i).fold(K::ONE, |product, j| {
                product * (x - integer(j)) * (integer(i) - integer(j)).try_inverse().unwrap_or(K::ZERO)
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_the_beginning_of_the_whole_table() {
        let point: Vec<K> = (2..8i64).map(integer).collect();
        for digits in 0..=point.len() {
            let (point, _) = point.split_at(digits);
            let whole = eq_table(point);
            let expected: Vec<K> = (0..1 << digits).map(|i| eq_index(point, i)).collect();
            assert_eq!(whole, expected);
            for len in 0..=whole.len() + 1 {
                let wanted: Vec<K> = whole.iter().copied().take(len).collect();
                assert_eq!(eq_prefix(point, len), wanted, "{len} of 2^{digits}");
            }
        }
    }
}
