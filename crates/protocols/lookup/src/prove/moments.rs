//! A round's sums where gates are quadratic in few integers: sums of weights times integers, which cost a third of a product in K each.

use tacit_algebra::K;
use tacit_algebra::field::PrimeCharacteristicRing;

use super::packed::{Lanes, Packed};

/// A gate as the symmetric form `sum_(t, s) m(t, s) x_t x'_s` of its children's T integers x and x', with `x_0 = x'_0 = 1`.
pub(crate) struct Form<const T: usize> {
    constant: Packed,
    linear: [Packed; T],
    /// Entries with t <= s.
    square: [[Packed; T]; T],
}

/// The T integers of two children, where the round's digit is 0 and where it is 1.
pub(crate) type Integers<const T: usize> = [[[Lanes; T]; 2]; 2];

/// Sums of weights times the integers that the entries of a form are multiplied by.
struct Moments<const T: usize> {
    linear: [Packed; T],
    square: [[Packed; T]; T],
    leading: [[Packed; T]; T],
}

impl<const T: usize> Form<T> {
    /// `m`: symmetric, of the indices 0 ..= T.
    pub fn new(m: impl Fn(usize, usize) -> K) -> Self {
        let entry = |t, s| Packed::from(m(t, s));
        let square = std::array::from_fn(|t| std::array::from_fn(|s| entry(t + 1, s + 1)));
        Self { constant: entry(0, 0), linear: std::array::from_fn(|t| entry(0, t + 1)), square }
    }

    /// `sum_i inner[i] (g_i(0), leading coefficient of g_i)`, lane by lane.
    #[inline(always)]
    pub fn sums(&self, inner: &[Packed], integers: impl Fn(usize) -> Integers<T>) -> [Packed; 2] {
        let zeros = [[Packed::ZERO; T]; T];
        let mut moments = Moments { linear: [Packed::ZERO; T], square: zeros, leading: zeros };
        let mut total = Packed::ZERO;
        let (twos, last) = inner.as_chunks::<2>();
        for (i, weights) in twos.iter().enumerate() {
            moments.add(weights, &[products(&integers(2 * i)), products(&integers(2 * i + 1))]);
            total += weights[0] + weights[1];
        }
        for &weight in last {
            let products = products(&integers(2 * twos.len()));
            moments.add(&[weight, Packed::ZERO], &[products, products]);
            total += weight;
        }
        let mut sums = [self.constant * total, Packed::ZERO];
        for t in 0..T {
            sums[0] += self.linear[t] * moments.linear[t];
            for s in t..T {
                sums[0] += self.square[t][s] * moments.square[t][s];
                sums[1] += self.square[t][s] * moments.leading[t][s];
            }
        }
        sums
    }
}

/// What a pair's weight is multiplied by: see [`Moments`].
type Products<const T: usize> = ([Lanes; T], [[Lanes; T]; T], [[Lanes; T]; T]);

#[inline(always)]
fn products<const T: usize>([[x, y], [x1, y1]]: &Integers<T>) -> Products<T> {
    let square = |x: &[Lanes; T], y: &[Lanes; T]| {
        let entry = |t: usize, s: usize| match s.cmp(&t) {
            std::cmp::Ordering::Less => Lanes::ZERO,
            std::cmp::Ordering::Equal => x[t] * y[t],
            std::cmp::Ordering::Greater => Lanes::dot_product(&[x[t], x[s]], &[y[s], y[t]]),
        };
        std::array::from_fn(|t| std::array::from_fn(|s| entry(t, s)))
    };
    let difference = |high: &[Lanes; T], low: &[Lanes; T]| std::array::from_fn(|t| high[t] - low[t]);
    (std::array::from_fn(|t| x[t] + y[t]), square(x, y), square(&difference(x1, x), &difference(y1, y)))
}

impl<const T: usize> Moments<T> {
    #[inline(always)]
    fn add(
        &mut self,
        weights: &[Packed; 2],
        [(linear, square, leading), (linear1, square1, leading1)]: &[Products<T>; 2],
    ) {
        for t in 0..T {
            self.linear[t] += Packed::dot(weights, &[linear[t], linear1[t]]);
            for s in t..T {
                self.square[t][s] += Packed::dot(weights, &[square[t][s], square1[t][s]]);
                self.leading[t][s] += Packed::dot(weights, &[leading[t][s], leading1[t][s]]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tacit_algebra::F;
    use tacit_algebra::field::{BasedVectorSpace, PackedValue};

    use super::*;
    use crate::prove::packed::lane_sum;

    fn element(seed: u64) -> K {
        K::from_basis_coefficients_fn(|i| F::from_u64((seed * 3 + i as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)))
    }

    #[test]
    fn sums_are_those_of_the_form_pair_by_pair() {
        let m = |t: usize, s: usize| element((t * s + 10 * (t + s)) as u64);
        let lanes = |seed: u64| Lanes::from_fn(|lane| F::from_u64(seed.wrapping_mul(0x9e37_79b9) + lane as u64));
        let number = |i: usize| i as u64 * 8;
        let integers = |i: usize| {
            let n = number(i);
            [
                [[lanes(n), lanes(n + 1)], [lanes(n + 2), lanes(n + 3)]],
                [[lanes(n + 4), lanes(n + 5)], [lanes(n + 6), lanes(n + 7)]],
            ]
        };
        let inner: Vec<Packed> = (0..5).map(|i| Packed::from_fn(|lane| element(100 + 17 * i + lane as u64))).collect();
        for count in 1..=5 {
            let gate = |x: [Packed; 3], y: [Packed; 3]| {
                let terms = (0..9).map(|n| Packed::from(m(n / 3, n % 3)) * x[n / 3] * y[n % 3]);
                terms.fold(Packed::ZERO, |sum, term| sum + term)
            };
            let mut expected = [K::ZERO; 2];
            for (i, &weight) in inner[..count].iter().enumerate() {
                let [low, high] = integers(i).map(|both| both.map(|[u, v]| [Lanes::ONE, u, v].map(Packed::of_base)));
                let difference = |n: usize| std::array::from_fn(|t| high[n][t] - low[n][t]);
                expected[0] += lane_sum(weight * gate(low[0], low[1]));
                expected[1] += lane_sum(weight * gate(difference(0), difference(1)));
            }
            assert_eq!(Form::<2>::new(m).sums(&inner[..count], integers).map(lane_sum), expected);
        }
    }
}
