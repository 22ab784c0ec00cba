//! Weights on one stored axis, forms on columns, claims.

use std::sync::Arc;

use tacit_algebra::field::PrimeCharacteristicRing;
use tacit_algebra::multilinear::{eq, eq_index, eq_prefix, less_than};
use tacit_algebra::{K, integer};
use tacit_circuit::ColumnId;

/// A vector on one axis of length `len`.
#[derive(Debug, Clone, PartialEq)]
pub enum Weight {
    /// i -> eq(point, i); `point.len() == bits(len)`.
    Eq {
        point: Vec<K>,
        len: u64,
    },
    Ones {
        len: u64,
    },
    /// 1 at `index`, 0 elsewhere; 0 everywhere when `index >= len`.
    Index {
        index: u64,
        len: u64,
    },
    /// i -> base^i.
    Powers {
        base: K,
        len: u64,
    },
    Dense(Vec<K>),
}

impl Weight {
    pub fn len(&self) -> u64 {
        match self {
            Self::Eq { len, .. } | Self::Ones { len } | Self::Index { len, .. } | Self::Powers { len, .. } => *len,
            Self::Dense(values) => values.len() as u64,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All entries.
    pub fn dense(&self) -> Vec<K> {
        match self {
            Self::Eq { point, len } => eq_prefix(point, *len as usize),
            Self::Ones { len } => vec![K::ONE; *len as usize],
            Self::Index { index, len } => (0..*len).map(|i| if i == *index { K::ONE } else { K::ZERO }).collect(),
            Self::Powers { base, len } => base.powers().take(*len as usize).collect(),
            Self::Dense(values) => values.clone(),
        }
    }

    /// The sum of all entries.
    pub fn total(&self) -> K {
        match self {
            Self::Eq { point, len } => less_than(point, *len),
            Self::Ones { len } => integer(*len as i64),
            Self::Index { index, len } => {
                if index < len {
                    K::ONE
                } else {
                    K::ZERO
                }
            }
            // Of every power of two in the length, the product of 1 + base^(2^b).
            Self::Powers { base, len } => {
                let (mut total, mut below, mut double) = (K::ZERO, *base, K::ONE);
                for digit in 0..u64::BITS {
                    if len.checked_shr(digit).unwrap_or(0) & 1 == 1 {
                        total = total * below + double;
                    }
                    double *= below + K::ONE;
                    below = below.square();
                }
                total
            }
            Self::Dense(values) => values.iter().copied().sum(),
        }
    }

    /// `sum_{i < 2^e} weight(start + i) eq(segment, i)` with e = segment.len(), start a multiple of 2^e, start + 2^e <= len.
    pub fn at_piece(&self, start: u64, segment: &[K]) -> K {
        let e = segment.len();
        match self {
            Self::Eq { point, .. } => {
                let (high, low) = point.split_at(point.len().saturating_sub(e));
                eq_index(high, start.checked_shr(e as u32).unwrap_or(0)) * eq(low, segment)
            }
            Self::Ones { .. } => K::ONE,
            Self::Index { index, .. } => match index.checked_sub(start) {
                Some(offset) => eq_index(segment, offset),
                None => K::ZERO,
            },
            Self::Powers { base, .. } => {
                let (mut product, mut power) = (base.exp_u64(start), *base);
                for &r in segment.iter().rev() {
                    product *= r * power - r + K::ONE;
                    power = power.square();
                }
                product
            }
            Self::Dense(values) => {
                let mut table: Vec<K> = values.iter().skip(start as usize).take(1 << e).copied().collect();
                for &r in segment {
                    let (low, high) = table.split_at(table.len() / 2);
                    table = low.iter().zip(high).map(|(&a, &b)| a + (b - a) * r).collect();
                }
                table.first().copied().unwrap_or(K::ZERO)
            }
        }
    }
}

/// `coefficient * <column, product of one weight per stored axis>`. Weights are shared: the same `Arc` means the same vector.
#[derive(Debug, Clone)]
pub struct FormTerm {
    pub coefficient: K,
    pub column: ColumnId,
    pub weights: Vec<Arc<Weight>>,
}

/// A linear form on columns; its terms may span commitments.
pub type Form = Vec<FormTerm>;

/// `form(columns) = value`. Ends in a reduction or in the opening, nowhere else.
#[must_use]
#[derive(Debug, Clone)]
pub struct Claim<V> {
    pub form: Form,
    pub value: V,
}
