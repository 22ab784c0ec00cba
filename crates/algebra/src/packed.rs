//! Blocks of `WIDTH` consecutive elements: what the inner loops of provers work on.

use std::ops::{Add, AddAssign, Mul, Sub, SubAssign};

use p3_field::{BasedVectorSpace, Field, PackedValue, PrimeCharacteristicRing};

use crate::{F, K};

/// `WIDTH` elements of F.
pub type Lanes = <F as Field>::Packing;
pub const WIDTH: usize = <Lanes as PackedValue>::WIDTH;

/// `WIDTH` elements of K, coefficient by coefficient. The extension's own packing adds through calls that are not inlined, which
/// costs as much as a product.
#[derive(Debug, Clone, Copy)]
pub struct Packed(pub [Lanes; 3]);

impl Packed {
    pub const ZERO: Self = Self([Lanes::ZERO; 3]);
    pub const ONE: Self = Self([Lanes::ONE, Lanes::ZERO, Lanes::ZERO]);

    pub fn from_fn(element: impl Fn(usize) -> K) -> Self {
        let elements: [K; WIDTH] = std::array::from_fn(element);
        let coefficient = |i: usize| -> Lanes {
            Lanes::from_fn(|lane| {
                let words: &[F] = elements[lane].as_basis_coefficients_slice();
                words[i]
            })
        };
        Self(std::array::from_fn(coefficient))
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

    /// `sum_i a_i b_i`, b in F.
    #[inline(always)]
    pub fn dot<const N: usize>(a: &[Self; N], b: &[Lanes; N]) -> Self {
        Self(std::array::from_fn(|k| Lanes::dot_product(&std::array::from_fn(|i| a[i].0[k]), b)))
    }

    pub fn extract(self, lane: usize) -> K {
        K::from_basis_coefficients_fn(|i| self.0[i].as_slice()[lane])
    }

    /// The elements in order.
    pub fn lanes(self) -> impl DoubleEndedIterator<Item = K> {
        (0..WIDTH).map(move |lane| self.extract(lane))
    }
}

/// [`crate::signed`] without a branch: two's complement exceeds the wanted residue by 2^64 - p = 2^32 - 1 when negative.
#[inline(always)]
pub fn cell(value: i64) -> F {
    F::from_u64((value as u64).wrapping_sub((value >> 63) as u64 & 0xffff_ffff))
}

/// Blocks of a sequence, the last one filled with zeros.
pub fn pack(values: &[K]) -> Vec<Packed> {
    let block = |chunk: &[K]| Packed::from_fn(|lane| chunk.get(lane).copied().unwrap_or(K::ZERO));
    values.chunks(WIDTH).map(block).collect()
}

/// The same element in every lane.
impl From<K> for Packed {
    #[inline(always)]
    fn from(value: K) -> Self {
        let words: &[F] = value.as_basis_coefficients_slice();
        Self(std::array::from_fn(|i| Lanes::from(words[i])))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn element(seed: u64) -> K {
        K::from_basis_coefficients_fn(|i| F::from_u64((seed * 3 + i as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)))
    }

    #[test]
    fn cells_are_signed_integers() {
        for value in [0, 1, -1, 1 << 31, -(1 << 32), i64::MAX, i64::MIN, i64::MIN + 1, -0x7fff_ffff_8000_0000] {
            assert_eq!(cell(value), crate::signed(value), "{value}");
        }
    }

    #[test]
    fn lanes_are_elements() {
        let (a, b) = (Packed::from_fn(|lane| element(lane as u64)), Packed::from_fn(|lane| element(100 + lane as u64)));
        let base = Lanes::from_fn(|lane| F::from_u64(lane as u64 + 5));
        for lane in 0..WIDTH {
            let (x, y) = (element(lane as u64), element(100 + lane as u64));
            let z = K::from(F::from_u64(lane as u64 + 5));
            assert_eq!((a + b).extract(lane), x + y);
            assert_eq!((a - b).extract(lane), x - y);
            assert_eq!((a * b).extract(lane), x * y);
            assert_eq!(a.times(base).extract(lane), x * z);
            assert_eq!(Packed::of_base(base).extract(lane), z);
            assert_eq!(Packed::dot(&[a, b, a], &[base, base, Lanes::ONE]).extract(lane), x * z + y * z + x);
            assert_eq!(Packed::from(element(7)).extract(lane), element(7));
        }
        let values: Vec<K> = (0..2 * WIDTH as u64 + 1).map(element).collect();
        let unpacked: Vec<K> = pack(&values).into_iter().flat_map(Packed::lanes).collect();
        assert_eq!(unpacked[..values.len()], values);
        assert!(unpacked[values.len()..].iter().all(|&value| value == K::ZERO));
    }
}
