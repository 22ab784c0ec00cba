//! How a region's elements lie in memory while its axes are paired away, the last one first.

/// Rows of the current axis, in C order over the axes that are still whole.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Shape {
    /// Lengths of the axes before the current one, each above 1.
    pub outer: Vec<usize>,
    /// Elements of a row; 1 only when nothing is left to pair.
    pub width: usize,
}

impl Shape {
    /// The shape of all elements; axes of length 1 have no digits.
    pub fn new(axes: &[u64]) -> Self {
        let outer = axes.iter().filter(|&&d| d > 1).map(|&d| d as usize).collect();
        Self { outer, width: 1 }.settled()
    }

    fn settled(mut self) -> Self {
        if self.width == 1 {
            self.width = self.outer.pop().unwrap_or(1);
        }
        self
    }

    pub fn rows(&self) -> usize {
        self.outer.iter().product()
    }

    pub fn len(&self) -> usize {
        self.rows() * self.width
    }

    pub fn is_single(&self) -> bool {
        self.width == 1
    }

    /// After pairing neighbours; rows have an even number of elements. The pairs are contiguous in memory.
    pub fn halved(&self) -> Self {
        Self { outer: self.outer.clone(), width: self.width / 2 }.settled()
    }

    /// With rows extended by zeros to a length that halves well.
    pub fn padded(&self) -> Self {
        Self { outer: self.outer.clone(), width: stride(self.width) }
    }
}

/// The smallest multiple of the largest 2^t, 1 <= t <= 6, that exceeds `width` by at most a sixteenth (t = 1: at any rate).
/// It has as many digits as `width`.
fn stride(width: usize) -> usize {
    let fits = |t: &u32| width.next_multiple_of(1 << t) - width <= width / 16;
    let t = (2..=6u32).rev().find(fits).unwrap_or(1);
    width.next_multiple_of(1 << t)
}

/// Copies rows of `from` elements to rows of `to >= from`, the rest filled with `fill`.
pub(crate) fn extend_rows<T: Copy>(values: &[T], from: usize, to: usize, fill: T) -> Vec<T> {
    let mut extended = Vec::with_capacity(values.len().div_ceil(from) * to);
    for row in values.chunks(from) {
        extended.extend_from_slice(row);
        extended.resize(extended.len() + to - row.len(), fill);
    }
    extended
}

#[cfg(test)]
mod tests {
    use super::*;
    use tacit_algebra::multilinear::bits;

    #[test]
    fn a_stride_is_even_and_keeps_the_digits() {
        for width in 2..5000usize {
            let padded = stride(width);
            assert!(
                padded.is_multiple_of(2) && padded >= width && bits(padded as u64) == bits(width as u64),
                "{width}"
            );
        }
    }

    #[test]
    fn halving_consumes_all_digits() {
        for axes in [vec![1, 1], vec![2], vec![5, 1, 7], vec![3, 197], vec![2, 2, 3], vec![1, 9]] {
            let mut shape = Shape::new(&axes);
            let mut rounds = 0;
            while !shape.is_single() {
                shape = shape.padded().halved();
                rounds += 1;
            }
            assert_eq!(rounds, axes.iter().map(|&d| bits(d)).sum::<usize>());
        }
    }
}
