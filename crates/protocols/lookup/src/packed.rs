//! Blocks of `WIDTH` consecutive elements, and the fraction gate on them.

use std::ops::{Add, AddAssign, Mul, Sub, SubAssign};

use p3_field::{BasedVectorSpace, Field, PackedFieldPow2, PackedValue, PrimeCharacteristicRing};
use tacit_algebra::{F, K, signed};

/// `WIDTH` elements of F.
pub(crate) type Lanes = <F as Field>::Packing;
pub(crate) const WIDTH: usize = <Lanes as PackedValue>::WIDTH;

/// `WIDTH` elements of K, coefficient by coefficient. The extension's own packing adds through calls that are not inlined, which
/// costs as much as a product.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Packed(pub [Lanes; 3]);

/// Two children `(n0, e0, n1, e1)` of each of `WIDTH` nodes. In a sumcheck the third is `n1 + lambda e1`.
pub(crate) type Quad = [Packed; 4];
pub(crate) const ZEROS: Quad = [Packed::ZERO; 4];

impl Packed {
    pub const ZERO: Self = Self([Lanes::ZERO; 3]);
    pub const ONE: Self = Self([Lanes::ONE, Lanes::ZERO, Lanes::ZERO]);

    pub fn from_fn(element: impl Fn(usize) -> K) -> Self {
        Self(std::array::from_fn(|i| {
            Lanes::from_fn(|lane| {
                let value = element(lane);
                let words: &[F] = value.as_basis_coefficients_slice();
                words[i]
            })
        }))
    }

    #[inline(always)]
    pub fn of_base(value: Lanes) -> Self {
        Self([value, Lanes::ZERO, Lanes::ZERO])
    }

    /// The product with elements of F.
    #[inline(always)]
    pub fn times(self, b: Lanes) -> Self {
        let Self(a) = self;
        Self([a[0] * b, a[1] * b, a[2] * b])
    }

    pub fn extract(self, lane: usize) -> K {
        K::from_basis_coefficients_fn(|i| self.0[i].as_slice()[lane])
    }
}

impl From<K> for Packed {
    fn from(value: K) -> Self {
        Self::from_fn(|_| value)
    }
}

impl Add for Packed {
    type Output = Self;
    #[inline(always)]
    fn add(self, Self(b): Self) -> Self {
        let Self(a) = self;
        Self([a[0] + b[0], a[1] + b[1], a[2] + b[2]])
    }
}

impl AddAssign for Packed {
    #[inline(always)]
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for Packed {
    type Output = Self;
    #[inline(always)]
    fn sub(self, Self(b): Self) -> Self {
        let Self(a) = self;
        Self([a[0] - b[0], a[1] - b[1], a[2] - b[2]])
    }
}

impl SubAssign for Packed {
    #[inline(always)]
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

/// Modulo X^3 - X - 1: X^3 = X + 1, X^4 = X^2 + X.
impl Mul for Packed {
    type Output = Self;
    #[inline(always)]
    fn mul(self, Self(b): Self) -> Self {
        let Self(a) = self;
        let (b02, b12) = (b[0] + b[2], b[1] + b[2]);
        Self([
            Lanes::dot_product(&a, &[b[0], b[2], b[1]]),
            Lanes::dot_product(&a, &[b[1], b02, b12]),
            Lanes::dot_product(&a, &[b[2], b[1], b02]),
        ])
    }
}

/// Even and odd elements of the sequence `x y`.
#[inline(always)]
pub(crate) fn split_lanes(mut x: Lanes, mut y: Lanes) -> (Lanes, Lanes) {
    let mut block = WIDTH / 2;
    while block > 0 {
        (x, y) = x.interleave(y, block);
        block /= 2;
    }
    (x, y)
}

#[inline(always)]
pub(crate) fn split(Packed(x): Packed, Packed(y): Packed) -> (Packed, Packed) {
    let (a, b, c) = (split_lanes(x[0], y[0]), split_lanes(x[1], y[1]), split_lanes(x[2], y[2]));
    (Packed([a.0, b.0, c.0]), Packed([a.1, b.1, c.1]))
}

/// `N = n0 (1 + e1) + n1 (1 + e0)`, `E = e0 + e1 + e0 e1`.
#[inline(always)]
pub(crate) fn gate(&[n0, e0, n1, e1]: &Quad) -> [Packed; 2] {
    [n0 + n1 + n0 * e1 + n1 * e0, e0 + e1 + e0 * e1]
}

/// The gate on one node.
pub(crate) fn gate_scalar([n0, e0, n1, e1]: [K; 4]) -> [K; 2] {
    [n0 + n1 + n0 * e1 + n1 * e0, e0 + e1 + e0 * e1]
}

/// The first element of each of four sequences.
pub(crate) fn first(quad: &Quad) -> [K; 4] {
    quad.map(|packed| packed.extract(0))
}

pub(crate) fn lane_sum(value: Packed) -> K {
    (0..WIDTH).map(|lane| value.extract(lane)).sum()
}

/// Blocks of a sequence, the last one filled with zeros.
pub(crate) fn pack(values: &[K]) -> Vec<Packed> {
    let block = |chunk: &[K]| Packed::from_fn(|lane| chunk.get(lane).copied().unwrap_or(K::ZERO));
    values.chunks(WIDTH).map(block).collect()
}

/// Even and odd elements of `values[at .. at + 2 WIDTH]`, zero beyond the end.
#[inline(always)]
pub(crate) fn load_pairs(values: &[i64], at: usize) -> (Lanes, Lanes) {
    match values.get(at..at + 2 * WIDTH) {
        Some(run) => {
            split_lanes(Lanes::from_fn(|lane| element(run[lane])), Lanes::from_fn(|lane| element(run[WIDTH + lane])))
        }
        None => {
            let element = |i: usize| values.get(i).map_or(F::ZERO, |&value| signed(value));
            (Lanes::from_fn(|lane| element(at + 2 * lane)), Lanes::from_fn(|lane| element(at + 2 * lane + 1)))
        }
    }
}

/// [`signed`] without a branch: two's complement exceeds the wanted residue by 2^64 - p = 2^32 - 1 when negative.
#[inline(always)]
fn element(value: i64) -> F {
    F::from_u64((value as u64).wrapping_sub((value >> 63) as u64 & 0xffff_ffff))
}
