//! Residues of a polynomial modulo `x^G - y`, for the y of the few groups of points whose rows are opened.
//!
//! The coefficients are slices of B. Modulo `x^B - t` the polynomial is `sum_a t^a slice_a`; few t serve many groups, and four of them
//! are t, -t, it and -it, `i^2 = -1`, which share the sums over a of one residue modulo 4, and signs apart those over odd a. Horner's
//! rule over the blocks of G leads from such a residue to that of a group.
//!
//! The first step multiplies cells, which are small integers mostly, by constants. A constant is `2^32 hi + lo`, with signed halves of
//! 32 bits, and a cell has digits of [`DIGIT`] bits, all but the small ones more than one: the sums of at most `2^MOST * DIGITS`
//! products are integers below `2^51`, which double precision adds without rounding, and a sum is reduced once.

use p3_field::{PackedValue, PrimeCharacteristicRing, PrimeField64};
use tacit_algebra::F;
use tacit_algebra::packed::{Lanes, WIDTH};

use super::transform::{Factors, LOG_DONE};

/// log2 of the points of a group.
const LOG_GROUP: usize = LOG_DONE;
const GROUP: usize = 1 << LOG_GROUP;
/// Bits of a digit, the digits of a cell, and log2 of the most slices: `DIGIT + 31 + log2(2^MOST * DIGITS) < 51`.
const DIGIT: u32 = 12;
const DIGITS: usize = 6;
const MASK: i64 = (1 << DIGIT) - 1;
const MOST: usize = 5;
/// Rows of a slice that are worked on together: with all their residues they fit the second-level cache.
const WINDOW: usize = 8 * GROUP;
/// Rows whose four sums fit the registers.
const TILE: usize = if WIDTH == 8 { 32 } else { 8 };
/// What sums start from, so that they stay between `2^52` and `2^53`, where the lowest 52 bits of a double are an integer. These
/// integers are `2^51 - 2^20` and `2^51 + 2^19` for halves of 0, together `2^19 p`.
const START: [f64; 2] = [((3u64 << 51) - (1 << 20)) as f64, ((3u64 << 51) + (1 << 19)) as f64];

/// Sums of products with N constants.
type Sums<const N: usize> = [[f64; TILE]; N];

/// Groups of points, and what leads to them.
pub(crate) struct Residues {
    log_message: usize,
    log_slices: usize,
    fours: Vec<Four>,
    /// Of every group its residue modulo `x^B - t`, by number among those that are computed, and y.
    groups: Vec<(usize, F)>,
}

/// Residues modulo `x^B - t`, `x^B + t`, `x^B - it` and `x^B + it`.
struct Four {
    /// High and low half of `t^a 2^(DIGIT i)`, digit by digit, in the order of [`Places`].
    even: Vec<[f64; 2]>,
    /// The same of odd a, and behind it that of `(it)^a 2^(DIGIT i)`.
    odd: Vec<[f64; 4]>,
    /// The numbers of the four, of those that are asked for.
    numbers: [Option<usize>; 4],
}

/// The order of slices: those divisible by 4, other even ones, odd ones.
#[derive(Clone, Copy)]
struct Places {
    slices: usize,
    fourth: usize,
    even: usize,
}

impl Places {
    fn new(slices: usize) -> Self {
        Self { slices, fourth: slices.div_ceil(4), even: slices.div_ceil(2) }
    }

    fn of(&self, slice: usize) -> usize {
        match slice % 4 {
            0 => slice / 4,
            2 => self.fourth + slice / 4,
            _ => self.even + slice / 2,
        }
    }
}

/// A digit but the lowest ones, of a slice: where its cells are, and where its constant.
type More = (usize, usize);

/// Memory of [`Residues::evaluate`], to be used again.
#[derive(Default)]
pub(crate) struct Room {
    /// The cells of a window, tile by tile, in it digit by digit, in this slice by slice in the order of [`Places`].
    cells: Vec<[f64; TILE]>,
    /// The other digits that there are, of slices divisible by 4, other even ones and odd ones.
    more: [Vec<More>; 3],
    nodes: Vec<F>,
}

impl Residues {
    /// `groups` are numbers of groups of the domain, ascending and distinct; a polynomial has `2^log_message` coefficients, a group
    /// of points at least.
    pub(crate) fn new(factors: &Factors, log_domain: usize, log_message: usize, groups: &[usize]) -> Self {
        let rate = log_domain - log_message;
        let wanted = groups.len().max(1).ilog2() as usize;
        let log_slices = wanted.saturating_sub(rate).min(MOST).min(log_message - LOG_GROUP);
        let log_node = log_message - log_slices;
        let (mut fours, mut found, mut nodes): (Vec<Four>, Vec<_>, usize) = Default::default();
        let mut last = None;
        for &group in groups {
            let node = group >> (log_node - LOG_GROUP);
            if last != Some(node) {
                if last.is_none_or(|last| last >> 2 != node >> 2) {
                    let roots = [0, 1].map(|half| factors.of(log_node + 1, node >> 2 << 1 | half));
                    fours.push(Four::new(roots, Places::new(1 << log_slices)));
                }
                fours.iter_mut().last().into_iter().for_each(|four| four.numbers[node & 3] = Some(nodes));
                (last, nodes) = (Some(node), nodes + 1);
            }
            found.push((nodes - 1, factors.residue(LOG_GROUP, group)));
        }
        Self { log_message, log_slices, fours, groups: found }
    }

    /// Writes the residues modulo `x^G - y`, group after group.
    pub(crate) fn evaluate(&self, coefficients: &[F], room: &mut Room, out: &mut [F]) {
        debug_assert_eq!(coefficients.len(), 1 << self.log_message);
        let slice = coefficients.len() >> self.log_slices;
        let window = slice.min(WINDOW);
        out.fill(F::ZERO);
        for first in (0..slice).step_by(window).rev() {
            room.read(coefficients, slice, first, window);
            room.nodes.resize(4 * self.fours.len() * window, F::ZERO);
            for tile in 0..window / TILE {
                self.fours.iter().for_each(|four| four.add(room, tile, window, Places::new(1 << self.log_slices)));
            }
            for (&(node, y), out) in self.groups.iter().zip(out.chunks_exact_mut(GROUP)) {
                horner(out, y, &room.nodes[node * window..][..window]);
            }
        }
    }
}

impl Four {
    fn new(roots: [F; 2], places: Places) -> Self {
        let Places { slices, even: evens, .. } = places;
        let (mut even, mut odd) = (vec![[0.0; 2]; DIGITS * evens], vec![[0.0; 4]; DIGITS * (slices - evens)]);
        for digit in 0..DIGITS {
            let scale = F::from_u64(1 << DIGIT).exp_u64(digit as u64);
            let [one, other] = roots.map(|root| root.shifted_powers(scale));
            for (slice, (one, other)) in one.zip(other).take(slices).enumerate() {
                let place = places.of(slice);
                let ([a, b], [c, d]) = (halves(one), halves(other));
                match place.checked_sub(evens) {
                    None => even[digit * evens + place] = [a, b],
                    Some(place) => odd[digit * (slices - evens) + place] = [a, b, c, d],
                }
            }
        }
        Self { even, odd, numbers: [None; 4] }
    }

    /// The residues of one tile.
    fn add(&self, room: &mut Room, tile: usize, window: usize, places: Places) {
        let Places { slices, fourth, even } = places;
        let cells = &room.cells[tile * DIGITS * slices..][..DIGITS * slices];
        let lowest = |from: usize, to: usize| self.even[from..to].iter().zip(&cells[from..to]);
        let start = START.map(|start| [start; TILE]);
        let mut fourths = add_products(start, lowest(0, fourth));
        let mut others = add_products([[0.0; TILE]; 2], lowest(fourth, even));
        let mut odds = add_products([[0.0; TILE]; 4], self.odd[..slices - even].iter().zip(&cells[even..slices]));
        if room.more.iter().any(|more| !more.is_empty()) {
            let more = |class: usize| room.more[class].iter().map(|&(at, constant)| (&self.even[constant], &cells[at]));
            fourths = add_products(fourths, more(0));
            others = add_products(others, more(1));
            odds = add_products(odds, room.more[2].iter().map(|&(at, constant)| (&self.odd[constant], &cells[at])));
        }
        for (n, number) in self.numbers.into_iter().enumerate() {
            if let Some(number) = number {
                let out = &mut room.nodes[number * window + tile * TILE..][..TILE];
                let signs = [1.0 - (n & 2) as f64, 1.0 - 2.0 * (n & 1) as f64];
                reduce(out, &fourths, &others, [&odds[n & 2], &odds[n & 2 | 1]], signs);
            }
        }
    }
}

impl Room {
    /// The digits of the rows `first ..` of all slices.
    fn read(&mut self, coefficients: &[F], slice: usize, first: usize, window: usize) {
        let places = Places::new(coefficients.len() / slice);
        let tile = DIGITS * places.slices;
        self.cells.resize(tile * window / TILE, [0.0; TILE]);
        self.more.iter_mut().for_each(Vec::clear);
        let mut words = [0i64; WINDOW];
        let words = &mut words[..window];
        for (a, coefficients) in coefficients.chunks_exact(slice).enumerate() {
            let mut used = 0;
            for (word, &cell) in words.iter_mut().zip(&coefficients[first..]) {
                *word = centred(cell);
                used |= *word ^ (*word >> 63);
            }
            let place = places.of(a);
            let (class, constant, step) = match place.checked_sub(places.even) {
                None => (usize::from(place >= places.fourth), place, places.even),
                Some(place) => (2, place, places.slices - places.even),
            };
            for digit in 0.. {
                let at = digit * places.slices + place;
                if digit > 0 {
                    words.iter_mut().for_each(|word| *word >>= DIGIT);
                    used >>= DIGIT;
                    self.more[class].push((at, digit * step + constant));
                }
                // All digits but the last are those of two's complement.
                let last = used >> DIGIT == 0;
                write(words, if last { !0 } else { MASK }, self.cells.iter_mut().skip(at).step_by(tile));
                if last {
                    break;
                }
            }
        }
    }
}

/// Digits of words, which `mask` leaves.
#[inline(always)]
fn write<'a>(words: &[i64], mask: i64, tiles: impl Iterator<Item = &'a mut [f64; TILE]>) {
    for (tile, words) in tiles.zip(words.chunks_exact(TILE)) {
        tile.iter_mut().zip(words).for_each(|(cell, &word)| *cell = f64::from((word & mask) as i32));
    }
}

/// The residue of least magnitude.
#[inline(always)]
fn centred(value: F) -> i64 {
    let word = value.as_canonical_u64();
    word.wrapping_sub(F::ORDER_U64 * u64::from(word > F::ORDER_U64 / 2)) as i64
}

/// The signed halves of 32 bits.
fn halves(value: F) -> [f64; 2] {
    let word = centred(value);
    let low = word as i32;
    [((word - i64::from(low)) >> 32) as f64, f64::from(low)]
}

/// `a b + c` of integers of at most 53 bits, as is their sum: it needs no rounding, with or without an instruction of its own.
#[inline(always)]
fn multiply_add(a: f64, b: f64, c: f64) -> f64 {
    if cfg!(any(target_feature = "fma", target_arch = "aarch64")) { a.mul_add(b, c) } else { a * b + c }
}

/// `sums` and the products of cells with their constants.
#[inline(always)]
fn add_products<'a, const N: usize>(
    mut sums: Sums<N>,
    products: impl Iterator<Item = (&'a [f64; N], &'a [f64; TILE])>,
) -> Sums<N> {
    for (constants, cells) in products {
        for (sum, &constant) in sums.iter_mut().zip(constants) {
            for i in 0..TILE {
                sum[i] = multiply_add(cells[i], constant, sum[i]);
            }
        }
    }
    sums
}

/// `fourths + sign others + sign odds`, of the field.
#[inline(always)]
fn reduce(out: &mut [F], fourths: &Sums<2>, others: &Sums<2>, odds: [&[f64; TILE]; 2], signs: [f64; 2]) {
    const LOW: u64 = (1 << 52) - 1;
    for i in 0..TILE {
        let sum = |half: usize| fourths[half][i] + signs[0] * others[half][i] + signs[1] * odds[half][i];
        let [high, low] = [sum(0).to_bits(), sum(1).to_bits()];
        // 2^32 high is (2^32 - 1) times the bits of high from 32 on, and 2^32 times those below.
        let above = high >> 32 & LOW >> 32;
        let small = (above << 32) - above + (low & LOW);
        let (sum, carry) = small.overflowing_add(high << 32);
        out[i] = F::from_u64(sum.wrapping_add(if carry { u64::from(u32::MAX) } else { 0 }));
    }
}

/// `out y^n` and the polynomial in y whose coefficients are n blocks.
#[inline(always)]
fn horner(out: &mut [F], y: F, blocks: &[F]) {
    let y = Lanes::from(y);
    let out = Lanes::pack_slice_mut(out);
    let mut sums: [Lanes; GROUP / WIDTH] = std::array::from_fn(|i| out[i]);
    for block in blocks.rchunks_exact(GROUP) {
        sums.iter_mut().zip(Lanes::pack_slice(block)).for_each(|(sum, &cell)| *sum = *sum * y + cell);
    }
    out.copy_from_slice(&sums);
}

#[cfg(test)]
mod tests {
    use super::super::transform::evaluate;
    use super::*;

    /// Cells at both ends of every number of digits, of one sign or both, and of any size.
    fn cells(kind: usize, count: usize) -> Vec<F> {
        let p = F::ORDER_U64;
        let ends: Vec<u64> = (0..=63).flat_map(|bits| [1 << bits, p - (1 << bits), (1 << bits) - 1]).collect();
        let any = |i: usize| (i as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let word = |i: usize| match kind {
            0 => any(i) >> 56,
            1 => p - 4096,
            2 => p.div_ceil(2),
            3 => u64::MAX,
            4 => ends[i % ends.len()],
            5 if i < count - count / 9 => any(i) >> 52,
            _ => any(i),
        };
        (0..count).map(|i| F::new(word(i))).collect()
    }

    /// Of few groups and of all, with fewer, as many and more slices than there may be, and windows of part of a slice.
    #[test]
    fn residues_are_those_of_all_rows() {
        for (log_message, rate) in [(6, 2), (6, 1), (7, 3), (9, 1), (10, 2), (13, 1), (15, 2)] {
            let (log_domain, shift) = (log_message + rate, F::from_u64(7));
            let (table, few) = (Factors::new(log_domain, shift), Factors::of_few(log_domain, shift));
            let all = 1usize << (log_domain - LOG_GROUP);
            for kind in 0..7 {
                let message = cells(kind, 1 << log_message);
                let mut rows = message.clone();
                rows.resize(1 << log_domain, F::ZERO);
                evaluate(&mut rows, 1, log_message, log_domain, shift, |_, _| ());
                let mut room = Room::default();
                for step in [1, 3, 7, 50, all] {
                    let groups: Vec<usize> = (0..all).skip(all.min(step) - 1).step_by(step).collect();
                    for factors in [&table, &few] {
                        let mut found = F::zero_vec(groups.len() * GROUP);
                        Residues::new(factors, log_domain, log_message, &groups).evaluate(&message, &mut room, &mut found);
                        for (&group, found) in groups.iter().zip(found.chunks_exact_mut(GROUP)) {
                            super::super::transform::contiguous(found, factors, LOG_GROUP, group);
                            assert!(*found == rows[group * GROUP..][..GROUP], "{log_message} {rate} {kind} {step} {group}");
                        }
                    }
                }
            }
        }
    }

    /// `cargo test --release -p tacit-open --lib residues -- --ignored --nocapture`
    #[test]
    #[ignore = "prints times"]
    fn speed() {
        let (log_message, rate, shift) = (21, 2, F::from_u64(7));
        let all = 1usize << (log_message + rate - LOG_GROUP);
        let mut random = 1u64;
        let mut next = || {
            random = random.wrapping_mul(0xd134_2543_de82_ef95).wrapping_add(1);
            (random >> 32) as usize % all
        };
        let groups: std::collections::BTreeSet<usize> = (0..139).map(|_| next()).collect();
        let groups: Vec<usize> = groups.into_iter().collect();
        let factors = Factors::of_few(log_message + rate, shift);
        for kind in std::env::var("KINDS").unwrap().bytes().map(|b| usize::from(b - 48)) {
            let message = cells(kind, 1 << log_message);
            let mut room = Room::default();
            let mut out = F::zero_vec(groups.len() * GROUP);
            for _ in 0..40 {
                let start = std::time::Instant::now();
                Residues::new(&factors, log_message + rate, log_message, &groups).evaluate(&message, &mut room, &mut out);
                let seconds = start.elapsed().as_secs_f64();
                println!("{kind}: {:.2} ns a cell", seconds * 1e9 / message.len() as f64);
            }
        }
    }
}
