//! Leaves are never stored: a block of them is computed from integers whenever it is needed.

use tacit_algebra::field::PrimeCharacteristicRing;
use tacit_algebra::{K, integer};
use tacit_circuit::{Circuit, Columns, Rule, Segment, component_values};

use super::integers::{Integers, with_integers};
use super::kernel::{Lambda, Shifted};
use super::moments::Form;
use super::packed::{Lanes, Packed, Quad, WIDTH, gate, load_pairs, load_runs, split_lanes};
use super::pairs::{BoundPairs, Pairs};
use super::shape::{Shape, extend_rows};
use crate::claims::Fingerprint;
use crate::regions::{Kind, Region};

/// A region's leaves `(N, E)`: N = 1 or -count, `E = base - sum_j beta_j z_j`; the z_j without their least, which the base takes over.
pub(crate) struct Leaves {
    /// Of the pairs of leaves, rows already padded for the next pairing.
    pub shape: Shape,
    /// The z_j, and the counts of a segment, in that shape (two leaves an element).
    components: Vec<Integers>,
    counts: Option<Integers>,
    /// 1 for a leaf, 0 for padding between rows; absent without such padding.
    mask: Option<Vec<u8>>,
    /// Neither counts nor a mask.
    plain: bool,
    /// Leaves, with the padding between rows.
    length: usize,
    base: Packed,
    betas: Vec<Packed>,
    /// Base and betas.
    scalars: (K, Vec<K>),
    /// Where there is one component, and neither counts nor a mask.
    pub pairs: Option<Pairs>,
    /// Whether memory is dearer than time ([`Leaves::computes`]).
    lean: bool,
}

/// The `(b', d')` of the first `count` blocks (an even number) after up to two rounds, computed from integers: with 2^rounds leaves
/// to one e, `b' = lambda (1 + base) + 1 - sum_(j, s) lambda beta_j eq(drawn, s) z_(j, s)`.
pub(crate) struct Ones<'a> {
    leaves: &'a Leaves,
    pub count: usize,
    rounds: usize,
    base: Packed,
    coefficients: Vec<[Packed; 4]>,
    form: Option<Forms>,
}

/// The gate as a form of the integers that b' and d' have.
enum Forms {
    One(Box<Form<1>>),
    Two(Box<Form<2>>),
}

impl Shifted for Ones<'_> {
    #[inline(always)]
    fn moments(&self, at: usize, inner: &[Packed]) -> (usize, [Packed; 2]) {
        let inner = &inner[..inner.len().min((self.count / 2).saturating_sub(at))];
        let sums = match (&self.form, self.leaves.components.as_slice(), self.rounds) {
            _ if inner.is_empty() => return (0, [Packed::ZERO; 2]),
            (Some(Forms::One(form)), [z], 0) => with_integers!(z, z => form.sums(inner, |i| {
                let [x, y] = load_runs::<_, 2>(z, 4 * (at + i) * WIDTH);
                [[[x[0]], [y[0]]], [[x[1]], [y[1]]]]
            })),
            (Some(Forms::Two(form)), [z], 1) => with_integers!(z, z => form.sums(inner, |i| {
                let [x, y] = load_runs::<_, 4>(z, 8 * (at + i) * WIDTH);
                [[[x[0], x[1]], [y[0], y[1]]], [[x[2], x[3]], [y[2], y[3]]]]
            })),
            (Some(Forms::Two(form)), [z, z1], 0) => form.sums(inner, |i| {
                let at = 4 * (at + i) * WIDTH;
                let ([x, y], [x1, y1]) = (z.runs::<2>(at), z1.runs::<2>(at));
                [[[x[0], x1[0]], [y[0], y1[0]]], [[x[1], x1[1]], [y[1], y1[1]]]]
            }),
            _ => return (0, [Packed::ZERO; 2]),
        };
        (inner.len(), sums)
    }

    #[inline(always)]
    fn at(&self, block: usize) -> [Packed; 2] {
        match self.rounds {
            0 => self.sums::<1>(block),
            1 => self.sums::<2>(block),
            _ => self.sums::<4>(block),
        }
    }
}

impl Ones<'_> {
    #[inline(always)]
    fn sums<const S: usize>(&self, block: usize) -> [Packed; 2] {
        let (mut b, mut d) = (self.base, self.base);
        for (z, coefficients) in self.leaves.components.iter().zip(&self.coefficients) {
            let coefficients: [Packed; S] = std::array::from_fn(|s| coefficients[s]);
            let [z0, z1] = z.runs::<S>(2 * S * block * WIDTH);
            b -= Packed::dot(&coefficients, &z0);
            d -= Packed::dot(&coefficients, &z1);
        }
        [b, d]
    }
}

impl Leaves {
    /// `region.size >= 1`.
    pub fn new(
        circuit: &Circuit,
        values: &dyn Columns,
        region: &Region<'_>,
        fingerprint: &Fingerprint,
        lean: bool,
    ) -> Self {
        let (mut components, base, mut counts) = held(circuit, values, region, fingerprint);
        let whole = Shape::new(region.axes);
        let (mut length, mut mask) = (whole.len(), None);
        let halves = Shape { outer: whole.outer.clone(), width: whole.width.next_multiple_of(2) }.halved();
        let shape = halves.padded();
        let rows = halves.rows();
        let (from, to) = (length / rows, 2 * shape.width);
        if rows > 1 && from != to {
            components = components.iter().map(|values| values.extended(from, to)).collect();
            counts = counts.map(|values| values.extended(from, to));
            mask = Some(extend_rows(&vec![1; length], from, to, 0));
            length = rows * to;
        }
        let scalars = (base, fingerprint.components()[..components.len()].to_vec());
        let (base, betas) = (Packed::from(scalars.0), scalars.1.iter().map(|&beta| Packed::from(beta)).collect());
        let plain = counts.is_none() && mask.is_none();
        let shape = if halves.is_single() { halves } else { shape };
        let pairs = match scalars.1.as_slice() {
            &[beta] if plain => Some(Pairs::new(scalars.0, beta)),
            _ => None,
        };
        Self { shape, components, counts, mask, plain, length, base, betas, scalars, pairs, lean }
    }

    /// The leaf of a region with one element.
    pub fn single(circuit: &Circuit, values: &dyn Columns, region: &Region<'_>, fingerprint: &Fingerprint) -> [K; 2] {
        let (components, base, counts) = held(circuit, values, region, fingerprint);
        let phi = components.iter().zip(fingerprint.components()).map(|(z, &beta)| beta * K::from(z.head())).sum::<K>();
        [counts.as_ref().map_or(K::ONE, |counts| -K::from(counts.head())), base - phi]
    }

    /// Whether the level at a height above the leaves, after so many rounds, is computed in each pass and not stored. Of 2^n leaves it
    /// has `2^(n - 1 - height - rounds)` pairs: those with at least 2^(n - 2) before any round are computed, in a lean tree all with at
    /// least 2^(n - 3).
    pub fn computes(&self, height: usize, rounds: usize) -> bool {
        if self.lean { height + rounds <= 2 } else { height <= 1 && rounds == 0 }
    }

    /// Blocks of pairs.
    pub fn blocks(&self) -> usize {
        self.shape.len().div_ceil(WIDTH)
    }

    /// Pairs `WIDTH * block ..` of leaves.
    #[inline(always)]
    pub fn quad(&self, block: usize) -> Quad {
        let at = 2 * block * WIDTH;
        let (here0, here1) = self.present(at);
        let (e0, e1) = self.minus_components(self.base.times(here0), self.base.times(here1), at);
        let (n0, n1) = match &self.counts {
            None => (here0, here1),
            Some(counts) => {
                let (count0, count1) = counts.pairs(at);
                (-count0, -count1)
            }
        };
        [Packed::of_base(n0), e0, Packed::of_base(n1), e1]
    }

    /// What stands for the blocks after rounds with the challenges `drawn`, at most two, as long as all their numerators are 1 and none
    /// is padding; `None` where no block is such.
    pub fn ones(&self, drawn: &[K], lambda: &Lambda) -> Option<Ones<'_>> {
        let count = (self.length / ((2 << drawn.len()) * WIDTH)) & !1;
        if !self.plain || count == 0 || lambda.scalar == K::ZERO {
            return None;
        }
        let eq = drawn.iter().fold(vec![lambda.scalar], |table, &r| {
            let high: Vec<K> = table.iter().map(|&value| value * r).collect();
            table.iter().zip(&high).map(|(&value, &high)| value - high).chain(high.iter().copied()).collect()
        });
        let of = |&beta: &K| std::array::from_fn(|s| Packed::from(eq.get(s).map_or(K::ZERO, |&eq| eq * beta)));
        let base = lambda.scalar * (self.scalars.0 + K::ONE) + K::ONE;
        // The gate is (b' d' - 1) / lambda - lambda, and b' = base - sum_(j, s) lambda beta_j eq(drawn, s) z_(j, s).
        let mut affine = vec![base];
        affine.extend(self.scalars.1.iter().flat_map(|&beta| eq.iter().map(move |&eq| -(eq * beta))));
        let m = |t: usize, s: usize| {
            let product = affine[t] * affine[s] * lambda.inverse;
            if t + s == 0 { product - lambda.inverse - lambda.scalar } else { product }
        };
        let form = match affine.len() {
            2 => Some(Forms::One(Box::new(Form::new(m)))),
            3 => Some(Forms::Two(Box::new(Form::new(m)))),
            _ => None,
        };
        let coefficients = self.scalars.1.iter().map(of).collect();
        Some(Ones { leaves: self, count, rounds: drawn.len(), base: Packed::from(base), coefficients, form })
    }

    /// As [`super::kernel::Source::moments`], of the second level and its form.
    #[inline(always)]
    pub fn second_moments(&self, form: &Form<2>, at: usize, inner: &[Packed]) -> (usize, [Packed; 2]) {
        let inner = &inner[..inner.len().min((self.length / (8 * WIDTH)).saturating_sub(at))];
        let [z] = self.components.as_slice() else { return (0, [Packed::ZERO; 2]) };
        let sums = with_integers!(z, z => form.sums(inner, |i| {
            let [x, y] = load_runs::<_, 4>(z, 8 * (at + i) * WIDTH);
            let node = |s: usize| [x[s] + y[s], x[s] * y[s]];
            [[node(0), node(1)], [node(2), node(3)]]
        }));
        (inner.len(), sums)
    }

    /// A block of the second level after a round, where all its leaves have numerator 1.
    #[inline(always)]
    pub fn second_bound(&self, pairs: &BoundPairs, block: usize) -> Option<Quad> {
        let z = self.components.first().filter(|_| 8 * (block + 1) * WIDTH <= self.length)?;
        Some(pairs.quad(z.runs::<4>(8 * block * WIDTH)))
    }

    /// Whether there are such blocks before any round, and after one.
    pub fn shifts(&self, drawn: &[K], lambda: &Lambda) -> bool {
        drawn.is_empty() && self.plain && self.length >= 8 * WIDTH && lambda.scalar != K::ZERO
    }

    /// Whether a block of pairs are leaves with numerator 1, without padding.
    #[inline(always)]
    fn all_ones(&self, block: usize) -> bool {
        self.plain && 2 * (block + 1) * WIDTH <= self.length
    }

    #[inline(always)]
    fn minus_components(&self, mut e0: Packed, mut e1: Packed, at: usize) -> (Packed, Packed) {
        for (z, &beta) in self.components.iter().zip(&self.betas) {
            let (z0, z1) = z.pairs(at);
            e0 -= beta.times(z0);
            e1 -= beta.times(z1);
        }
        (e0, e1)
    }

    /// The nodes over a block of pairs.
    #[inline(always)]
    pub fn nodes(&self, block: usize) -> [Packed; 2] {
        if !self.all_ones(block) {
            return gate(&self.quad(block));
        }
        if let (Some(pairs), [z]) = (&self.pairs, self.components.as_slice()) {
            return pairs.nodes(z.pairs(2 * block * WIDTH));
        }
        let (e0, e1) = self.minus_components(self.base, self.base, 2 * block * WIDTH);
        let sum = e0 + e1;
        [sum + Packed::of_base(Lanes::TWO), sum + e0 * e1]
    }

    #[inline(always)]
    fn present(&self, at: usize) -> (Lanes, Lanes) {
        if let Some(mask) = &self.mask {
            return load_pairs(mask, at);
        }
        if at + 2 * WIDTH <= self.length {
            return (Lanes::ONE, Lanes::ONE);
        }
        let present = |from: usize| {
            <Lanes as tacit_algebra::field::PackedValue>::from_fn(|lane| {
                tacit_algebra::F::from_bool(from + lane < self.length)
            })
        };
        split_lanes(present(at), present(at + WIDTH))
    }
}

/// A region's components less their least integers, its base, which takes over these, and the counts of a segment.
fn held(
    circuit: &Circuit,
    values: &dyn Columns,
    region: &Region<'_>,
    fingerprint: &Fingerprint,
) -> (Vec<Integers>, K, Option<Integers>) {
    let (components, counts) = integers(circuit, values, region);
    let (least, components): (Vec<i64>, _) = components.into_iter().map(Integers::above_least).unzip();
    let taken = least.into_iter().zip(fingerprint.components()).map(|(least, &beta)| beta * integer(least)).sum::<K>();
    (components, fingerprint.base(region.tag) - taken, counts.map(Integers::unsigned))
}

/// Components over the region's elements in C order, and the counts of a segment.
fn integers(circuit: &Circuit, values: &dyn Columns, region: &Region<'_>) -> (Vec<Vec<i64>>, Option<Vec<i64>>) {
    match region.kind {
        Kind::Lookup(lookup) => {
            (lookup.components.iter().map(|component| component_values(circuit, values, component)).collect(), None)
        }
        Kind::Segment(segment) => {
            let counts = values.cells(segment.count as usize).to_vec();
            (segment.rules.iter().map(|rule| rule_values(rule, segment)).collect(), Some(counts))
        }
    }
}

fn rule_values(rule: &Rule, segment: &Segment) -> Vec<i64> {
    let entries = segment.entries as i64;
    match rule {
        Rule::Constant(value) => vec![*value; entries as usize],
        Rule::Iota(start) => (0..entries).map(|i| start.wrapping_add(i)).collect(),
        Rule::Line { start, step } => (0..entries).map(|i| start.wrapping_add(step.wrapping_mul(i))).collect(),
        Rule::Listed { bytes, data } => {
            // Sign extension: the cell's bytes at the top of a word, shifted down.
            let shift = 64 - 8 * u32::from(*bytes);
            let cell = |bytes: &[u8]| bytes.iter().rev().fold(0u64, |word, &byte| word << 8 | u64::from(byte));
            data.chunks_exact(usize::from(*bytes)).map(|bytes| (cell(bytes) << shift) as i64 >> shift).collect()
        }
    }
}
