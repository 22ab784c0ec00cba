//! The field, its cubic extension, and the multilinear helpers that prover and verifier share.
//!
//! A point lists its coordinates most significant first: `eq(point, i)` reads the binary digits of `i` from the top.

#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::string_slice,
        clippy::todo,
        clippy::unimplemented,
        clippy::unreachable,
        clippy::unwrap_used
    )
)]

pub mod multilinear;
#[allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "vectors of field elements, whose type is the machine's; arrays as long as a vector"
)]
pub mod packed;
pub mod progress;

/// Traits of fields and of packed fields. Other crates name Plonky3 through this one.
pub use p3_field as field;
use p3_field::extension::CubicTrinomialExtensionField;
use p3_field::{BasedVectorSpace, PrimeCharacteristicRing, PrimeField64};
pub use p3_goldilocks::Goldilocks as F;

/// Challenges: `F[X] / (X^3 - X - 1)`, 192 bits.
pub type K = CubicTrinomialExtensionField<F>;

/// p = 2^64 - 2^32 + 1.
pub const P: u64 = F::ORDER_U64;

/// The field element of a signed integer.
#[inline]
pub fn signed(value: i64) -> F {
    if value >= 0 { F::from_u64(value as u64) } else { -F::from_u64(value.unsigned_abs()) }
}

/// The representative of `value` in (-p/2, p/2].
#[inline]
pub fn centred(value: F) -> i64 {
    let v = value.as_canonical_u64();
    if v > P / 2 { v.wrapping_sub(P) as i64 } else { v as i64 }
}

/// An extension element of a base field element.
#[inline]
pub fn lift(value: F) -> K {
    K::from(value)
}

/// The extension element of a signed integer.
#[inline]
pub fn integer(value: i64) -> K {
    K::from(signed(value))
}

/// Canonical bytes: three little-endian words below p.
pub fn to_bytes(value: K) -> [u8; 24] {
    let mut out = [0; 24];
    let words: &[F] = value.as_basis_coefficients_slice();
    for (chunk, word) in out.chunks_exact_mut(8).zip(words) {
        chunk.copy_from_slice(&word.as_canonical_u64().to_le_bytes());
    }
    out
}

/// The inverse of [`to_bytes`]; `None` when a word is not below p.
pub fn from_bytes(bytes: [u8; 24]) -> Option<K> {
    let mut words = [F::ZERO; 3];
    for (word, chunk) in words.iter_mut().zip(bytes.chunks_exact(8)) {
        let value = u64::from_le_bytes(chunk.try_into().ok()?);
        if value >= P {
            return None;
        }
        *word = F::from_u64(value);
    }
    <K as BasedVectorSpace<F>>::from_basis_coefficients_slice(&words)
}
