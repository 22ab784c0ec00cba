//! Products of elements of K with small integers, reduced once a run and not once a product.
//!
//! A word w of an element is `2^32 hi + lo`, both signed and of 32 bits; times an integer of at most [`SMALL`] that is two products of 64
//! bits, and [`MOST`] such products have a sum of 64 bits. The loops are over arrays of [`WIDTH`] lanes, or over plain vectors of one half
//! each: that is what compilers make good code of.

use p3_field::{BasedVectorSpace, PackedValue, PrimeCharacteristicRing, PrimeField64};
use tacit_algebra::packed::{Lanes, Packed, WIDTH, cell};
use tacit_algebra::{F, K};

/// Integers of at most this magnitude are small.
pub const SMALL: i32 = (1 << 23) - 1;
/// Products of 54 bits that one sum takes.
pub(crate) const MOST: usize = 1 << 9;
/// Limbs that share what is read of a vector: the registers hold their sums.
pub(crate) const TOGETHER: usize = if WIDTH > 2 { WIDTH / 2 } else { 1 };
/// Rows that are combined together: their sums fit the first-level cache.
const ROWS: usize = 256;

/// The halves of one word.
#[inline(always)]
fn halves(word: F) -> (i32, i32) {
    let word = word.as_canonical_u64();
    let signed = word.wrapping_sub(F::ORDER_U64 * u64::from(word > 0x7fff_ffff_7fff_ffff));
    ((signed.wrapping_add(1 << 31) >> 32) as i32, signed as i32)
}

/// Integers of a block of elements.
type Block = [i32; WIDTH];

/// A vector's halves: high ones and low ones of the first words, of the second, of the third.
#[derive(Debug, Default)]
pub(crate) struct Halves {
    len: usize,
    halves: Vec<i32>,
    words: Vec<F>,
}

impl Halves {
    /// Of no vector yet.
    pub(crate) fn clear(&mut self) {
        self.len = 0;
    }

    /// Those of a vector, which are computed when there are none.
    pub(crate) fn of(&mut self, vector: &[Packed]) -> &Self {
        if self.len == 0 {
            self.len = vector.len() * WIDTH;
            self.halves.resize(6 * self.len, 0);
            for (word, halves) in self.halves.chunks_exact_mut(2 * self.len).enumerate() {
                self.words.clear();
                vector.iter().for_each(|element| self.words.extend_from_slice(element.0[word].as_slice()));
                let (high, low) = halves.split_at_mut(self.len);
                for ((high, low), &word) in high.iter_mut().zip(low).zip(&self.words) {
                    (*high, *low) = self::halves(word);
                }
            }
        }
        self
    }

    /// The inner product with as many small cells.
    pub(crate) fn inner_product(&self, cells: &[i32]) -> K {
        let mut total = Total::default();
        for (n, cells) in cells.chunks(MOST).enumerate() {
            let part = |half: usize| &self.halves[half * self.len + n * MOST..][..cells.len()];
            total.add(products(std::array::from_fn(part), cells));
        }
        total.element()
    }

    /// The inner products with the cells of some limbs.
    pub(crate) fn inner_products(&self, cells: [&[i32]; TOGETHER]) -> [K; TOGETHER] {
        let cells = cells.map(|cells| cells.as_chunks().0);
        let halves: [&[Block]; 6] = std::array::from_fn(|half| self.halves[half * self.len..].as_chunks().0);
        let mut totals: [Total; TOGETHER] = Default::default();
        for first in (0..self.len / WIDTH).step_by(MOST / WIDTH) {
            let part = first..(first + MOST / WIDTH).min(self.len / WIDTH);
            let sums = lanes(halves.map(|half| &half[part.clone()]), cells.map(|cells| &cells[part.clone()]));
            for (total, sums) in totals.iter_mut().zip(&sums) {
                total.add(sums.each_ref().map(|lanes| lanes.iter().fold(0, |sum: i64, &lane| sum.wrapping_add(lane))));
            }
        }
        totals.map(|total| total.element())
    }
}

/// The three words of a sum, as `2^32 high + low`.
#[derive(Default)]
struct Total([(i64, i64); 3]);

impl Total {
    /// Adds the sums of products with the six halves.
    fn add(&mut self, sums: [i64; 6]) {
        for (word, halves) in self.0.iter_mut().zip(sums.as_chunks::<2>().0) {
            // 2^64 is 2^32 - 1.
            let [(a, b), (c, d)] = halves.map(|sum| (sum >> 32, sum & 0xffff_ffff));
            *word = (word.0 + a + b + c, word.1 + d - a);
        }
    }

    fn element(&self) -> K {
        let word = |(high, low): (i64, i64)| cell(high) * F::from_u64(1 << 32) + cell(low);
        K::from_basis_coefficients_fn(|i| word(self.0[i]))
    }
}

/// Six inner products of at most [`MOST`] cells.
fn products([a, b, c, d, e, f]: [&[i32]; 6], cells: &[i32]) -> [i64; 6] {
    let mut sums = [0i64; 6];
    for ((((((&cell, &a), &b), &c), &d), &e), &f) in cells.iter().zip(a).zip(b).zip(c).zip(d).zip(e).zip(f) {
        let times = |half: i32| i64::from(half) * i64::from(cell);
        sums[0] = sums[0].wrapping_add(times(a));
        sums[1] = sums[1].wrapping_add(times(b));
        sums[2] = sums[2].wrapping_add(times(c));
        sums[3] = sums[3].wrapping_add(times(d));
        sums[4] = sums[4].wrapping_add(times(e));
        sums[5] = sums[5].wrapping_add(times(f));
    }
    sums
}

/// The same of some limbs, lane by lane. A function of its own: where compilers see the lanes added, they gather.
#[inline(never)]
fn lanes(halves: [&[Block]; 6], cells: [&[Block]; TOGETHER]) -> [[[i64; WIDTH]; 6]; TOGETHER] {
    let mut sums = [[[0i64; WIDTH]; 6]; TOGETHER];
    let blocks = halves[0].len();
    let (halves, cells) = (halves.map(|half| &half[..blocks]), cells.map(|cells| &cells[..blocks]));
    for at in 0..blocks {
        let cells = cells.map(|cells| cells[at].map(i64::from));
        for (number, half) in halves.iter().enumerate() {
            let half = half[at].map(i64::from);
            for (sums, cells) in sums.iter_mut().zip(&cells) {
                for ((sum, &half), &cell) in sums[number].iter_mut().zip(&half).zip(cells) {
                    *sum = sum.wrapping_add(half * cell);
                }
            }
        }
    }
    sums
}

/// `out_t = sum_l coefficient_l cell_lt` of at most [`MOST`] limbs' small cells.
pub(crate) fn combine(limbs: &[(K, &[i32])], out: &mut [Packed]) {
    let mut sums = [[F::ZERO; ROWS]; 3];
    for (n, out) in out.chunks_mut(ROWS / WIDTH).enumerate() {
        for (word, sums) in sums.iter_mut().enumerate() {
            let limbs = limbs.iter().map(|(coefficient, cells)| {
                let words: &[F] = coefficient.as_basis_coefficients_slice();
                (words[word], &cells[n * ROWS..][..out.len() * WIDTH])
            });
            combine_words(limbs, &mut sums[..out.len() * WIDTH]);
        }
        for (t, out) in out.iter_mut().enumerate() {
            *out = Packed(sums.each_ref().map(|sums| *Lanes::from_slice(&sums[t * WIDTH..][..WIDTH])));
        }
    }
}

/// `out_t = sum_l coefficient_l cell_lt` in F, of at most [`MOST`] limbs' and [`ROWS`] small cells.
fn combine_words<'a>(limbs: impl Iterator<Item = (F, &'a [i32])>, out: &mut [F]) {
    let (mut high, mut low) = ([0i64; ROWS], [0i64; ROWS]);
    for (coefficient, cells) in limbs {
        let (above, below) = halves(coefficient);
        for ((high, low), &cell) in high.iter_mut().zip(low.iter_mut()).zip(cells) {
            *high = high.wrapping_add(i64::from(above) * i64::from(cell));
            *low = low.wrapping_add(i64::from(below) * i64::from(cell));
        }
    }
    // With high = 2^32 h + l, 2^32 high is (2^32 - 1) h + 2^32 l; h has 31 bits, and 2^32 l is below p.
    let mut more = [[F::ZERO; ROWS]; 2];
    let [b, c] = &mut more;
    for ((((a, b), c), &high), &low) in out.iter_mut().zip(b.iter_mut()).zip(c.iter_mut()).zip(&high).zip(&low) {
        let above = high >> 32;
        (*a, *b, *c) = (cell(low), cell((above << 32) - above), F::from_u64((high as u64) << 32));
    }
    let (lanes, rest) = Lanes::pack_slice_with_suffix_mut(out);
    let count = lanes.len() * WIDTH;
    for ((a, &b), &c) in lanes.iter_mut().zip(Lanes::pack_slice(&b[..count])).zip(Lanes::pack_slice(&c[..count])) {
        *a = *a + b + c;
    }
    rest.iter_mut().zip(&b[count..]).zip(&c[count..]).for_each(|((a, &b), &c)| *a = *a + b + c);
}

/// `out_t = sum_s coefficient_s cell_st` in F, of at most [`MOST`] slices of small cells, one after another, each as long as `out`.
pub(crate) fn combine_slices(coefficients: &[F], cells: &[i32], out: &mut [F]) {
    let rows = out.len();
    for (n, out) in out.chunks_mut(ROWS).enumerate() {
        let part = n * ROWS..n * ROWS + out.len();
        let slices = coefficients.iter().zip(cells.chunks_exact(rows));
        combine_words(slices.map(|(&coefficient, cells)| (coefficient, &cells[part.clone()])), out);
    }
}

#[cfg(test)]
mod tests {
    use tacit_algebra::packed::pack;
    use tacit_algebra::signed;

    use super::*;

    /// Words at both ends of every half's range, and those that are not canonical.
    fn words() -> Vec<u64> {
        let p = F::ORDER_U64;
        let ends = [0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0x7fff_ffff_7fff_ffff, 0x7fff_ffff_8000_0000, 1 << 63];
        ends.into_iter().chain([p - 1, p - 2, p - (1 << 31), p - (1 << 32), u64::MAX, p]).collect()
    }

    fn elements(count: usize) -> Vec<K> {
        let words = words();
        (0..count).map(|n| K::from_basis_coefficients_fn(|i| F::new(words[(n * 5 + i * 3) % words.len()]))).collect()
    }

    fn cells(count: usize, seed: usize) -> Vec<i32> {
        let ends = [SMALL, -(SMALL), 0, 1, -1, 127, -128, 65535];
        (0..count).map(|n| ends[(n * 3 + seed) % ends.len()]).collect()
    }

    #[test]
    fn halves_are_the_word() {
        for word in words() {
            let (high, low) = halves(F::new(word));
            let value = (i128::from(high) << 32) + i128::from(low);
            assert_eq!(
                value.rem_euclid(i128::from(F::ORDER_U64)),
                i128::from(F::new(word).as_canonical_u64()),
                "{word}"
            );
        }
    }

    /// More than fit one sum, all of the largest magnitude and one sign among them.
    #[test]
    fn inner_products_are_those_of_the_field() {
        for count in [WIDTH, 3 * WIDTH, MOST, 3 * MOST + WIDTH] {
            let limbs = [cells(count, 0), cells(count, 5), vec![SMALL; count], vec![-(SMALL); count]];
            for elements in [elements(count), vec![elements(3)[2]; count], vec![elements(9)[8]; count]] {
                let (vector, mut halves) = (pack(&elements), Halves::default());
                let halves = halves.of(&vector);
                let sum = |cells: &Vec<i32>| -> K {
                    elements.iter().zip(cells).map(|(&e, &c)| e * signed(i64::from(c))).sum()
                };
                let expected: Vec<K> = limbs.iter().map(sum).collect();
                assert!(limbs.iter().map(|cells| halves.inner_product(cells)).eq(expected.iter().copied()), "{count}");
                let together = std::array::from_fn(|n| limbs[n % limbs.len()].as_slice());
                let found = halves.inner_products(together);
                assert!(found.into_iter().eq((0..TOGETHER).map(|n| expected[n % limbs.len()])), "{count}");
            }
        }
    }

    #[test]
    fn combinations_are_those_of_the_field() {
        let rows = ROWS + 5 * WIDTH;
        for limbs in [0, 1, 2, 7, MOST] {
            for signs in [0, 1] {
                let coefficients = if signs == 0 { elements(limbs) } else { vec![elements(9)[8]; limbs] };
                let cells: Vec<Vec<i32>> =
                    (0..limbs).map(|l| if signs == 0 { cells(rows, l) } else { vec![SMALL; rows] }).collect();
                let read: Vec<(K, &[i32])> =
                    coefficients.iter().zip(&cells).map(|(&c, cells)| (c, cells.as_slice())).collect();
                let mut out = vec![Packed::ONE; rows / WIDTH];
                combine(&read, &mut out);
                let found: Vec<K> = out.into_iter().flat_map(Packed::lanes).collect();
                let of =
                    |t: usize| coefficients.iter().zip(&cells).map(|(&c, v)| c * signed(i64::from(v[t]))).sum::<K>();
                assert!(found.into_iter().eq((0..rows).map(of)), "{limbs} limbs");
            }
        }
    }

    #[test]
    fn combined_slices_are_those_of_the_field() {
        let words: Vec<F> = words().into_iter().map(F::new).collect();
        for rows in [1, WIDTH + 3, ROWS, 2 * ROWS + 64] {
            for slices in [1, 2, 8, MOST] {
                for (same, coefficients) in [(false, words.clone()), (true, vec![words[5]]), (true, vec![words[6]])] {
                    let coefficients: Vec<F> = coefficients.into_iter().cycle().take(slices).collect();
                    let cells = if same { vec![SMALL; rows * slices] } else { cells(rows * slices, 1) };
                    let mut out = vec![F::ONE; rows];
                    combine_slices(&coefficients, &cells, &mut out);
                    let of = |t: usize| {
                        let terms = coefficients.iter().zip(cells.chunks_exact(rows));
                        terms.map(|(&c, cells)| c * signed(i64::from(cells[t]))).sum::<F>()
                    };
                    assert!(out.into_iter().eq((0..rows).map(of)), "{rows} rows, {slices} slices");
                }
            }
        }
    }
}
