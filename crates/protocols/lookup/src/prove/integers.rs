//! Integers in the fewest bytes that hold them: what leaves are computed from is read in every pass.

use rayon::prelude::*;
use tacit_algebra::F;
use tacit_algebra::field::PrimeCharacteristicRing;
use tacit_algebra::packed::cell;

use super::packed::{Lanes, load_pairs, load_runs};
use super::shape::extend_rows;

/// An integer as it is held.
pub(crate) trait Integer: Copy + Send + Sync {
    fn element(self) -> F;
}

impl Integer for i64 {
    #[inline(always)]
    fn element(self) -> F {
        cell(self)
    }
}

macro_rules! unsigned {
    ($($integer:ty),*) => {$(
        impl Integer for $integer {
            #[inline(always)]
            fn element(self) -> F {
                F::from_u64(u64::from(self))
            }
        }
    )*};
}

unsigned!(u8, u16, u32);

/// Differences from a least integer; as they are where differences would not fit 32 bits.
#[derive(Debug, PartialEq)]
pub(crate) enum Integers {
    One(Vec<u8>),
    Two(Vec<u16>),
    Four(Vec<u32>),
    Eight(Vec<i64>),
}

/// The expression for whichever slice the integers are.
macro_rules! with_integers {
    ($integers:expr, $slice:ident => $body:expr) => {
        match $integers {
            Integers::One($slice) => $body,
            Integers::Two($slice) => $body,
            Integers::Four($slice) => $body,
            Integers::Eight($slice) => $body,
        }
    };
}

pub(crate) use with_integers;

impl Integers {
    /// Also what was taken off each of them.
    pub fn above_least(values: Vec<i64>) -> (i64, Self) {
        let (least, most) = span(&values);
        match Self::above(least, most, &values) {
            Some(integers) => (least, integers),
            None => (0, Self::Eight(values)),
        }
    }

    /// With nothing taken off.
    pub fn unsigned(values: Vec<i64>) -> Self {
        let (least, most) = span(&values);
        let held = if least < 0 { None } else { Self::above(0, most, &values) };
        held.unwrap_or(Self::Eight(values))
    }

    fn above(least: i64, most: i64, values: &[i64]) -> Option<Self> {
        // A difference that wraps exceeds 32 bits as an unsigned integer, too.
        let most = most.wrapping_sub(least) as u64;
        let cells = values.par_iter().map(|value| value.wrapping_sub(least));
        if most <= u64::from(u8::MAX) {
            Some(Self::One(cells.map(|value| value as u8).collect()))
        } else if most <= u64::from(u16::MAX) {
            Some(Self::Two(cells.map(|value| value as u16).collect()))
        } else if most <= u64::from(u32::MAX) {
            Some(Self::Four(cells.map(|value| value as u32).collect()))
        } else {
            None
        }
    }

    /// Rows of `from` integers as rows of `to >= from`, the rest zero.
    pub fn extended(&self, from: usize, to: usize) -> Self {
        match self {
            Self::One(values) => Self::One(extend_rows(values, from, to, 0)),
            Self::Two(values) => Self::Two(extend_rows(values, from, to, 0)),
            Self::Four(values) => Self::Four(extend_rows(values, from, to, 0)),
            Self::Eight(values) => Self::Eight(extend_rows(values, from, to, 0)),
        }
    }

    /// As [`load_pairs`].
    #[inline(always)]
    pub fn pairs(&self, at: usize) -> (Lanes, Lanes) {
        with_integers!(self, values => load_pairs(values, at))
    }

    /// As [`load_runs`].
    #[inline(always)]
    pub fn runs<const S: usize>(&self, at: usize) -> [[Lanes; S]; 2] {
        with_integers!(self, values => load_runs(values, at))
    }

    /// The first one; zero where there is none.
    pub fn head(&self) -> F {
        with_integers!(self, values => values.first().map_or(F::ZERO, |value| value.element()))
    }
}

fn span(values: &[i64]) -> (i64, i64) {
    let join = |(a, b): (i64, i64), (c, d): (i64, i64)| (a.min(c), b.max(d));
    let (least, most) = values.par_iter().map(|&value| (value, value)).reduce(|| (i64::MAX, i64::MIN), join);
    if least <= most { (least, most) } else { (0, 0) }
}

#[cfg(test)]
mod tests {
    use tacit_algebra::field::PackedValue;
    use tacit_algebra::signed;

    use super::*;
    use crate::prove::packed::WIDTH;

    #[test]
    fn integers_are_held_in_the_fewest_bytes() {
        let held = |values: &[i64]| Integers::above_least(values.to_vec());
        assert_eq!(held(&[-3, 252]), (-3, Integers::One(vec![0, 255])));
        assert_eq!(held(&[-3, 253]), (-3, Integers::Two(vec![0, 256])));
        assert_eq!(held(&[1 << 40, (1 << 40) + 65536]), (1 << 40, Integers::Four(vec![0, 65536])));
        assert_eq!(held(&[0, 1 << 32]), (0, Integers::Eight(vec![0, 1 << 32])));
        assert_eq!(held(&[i64::MIN, i64::MAX]), (0, Integers::Eight(vec![i64::MIN, i64::MAX])));
        assert_eq!(held(&[i64::MIN, 1]), (0, Integers::Eight(vec![i64::MIN, 1])));
        assert_eq!(held(&[]), (0, Integers::One(vec![])));
        assert_eq!(Integers::unsigned(vec![1, 256]), Integers::Two(vec![1, 256]));
        assert_eq!(Integers::unsigned(vec![1, -256]), Integers::Eight(vec![1, -256]));
    }

    #[test]
    fn every_width_reads_alike() {
        let values: Vec<i64> = (0..100).map(|i| i * i % 251).collect();
        let scaled = |by: i64| -> Vec<i64> { values.iter().map(|value| value * by).collect() };
        for by in [1, 200, 1 << 20, 1 << 40, -(1 << 40)] {
            let (least, held) = Integers::above_least(scaled(by));
            let expected = |i: usize| scaled(by).get(i).map_or(F::ZERO, |&value| signed(value - least));
            for at in [0, 8, 100 - WIDTH] {
                let (even, odd) = held.pairs(at);
                for lane in 0..WIDTH {
                    let found = (even.as_slice()[lane], odd.as_slice()[lane]);
                    assert_eq!(found, (expected(at + 2 * lane), expected(at + 2 * lane + 1)), "{by} {at}");
                }
            }
            let [even, odd] = held.runs::<2>(4);
            for lane in 0..WIDTH {
                let found: Vec<F> = (0..2).flat_map(|s| [even[s].as_slice()[lane], odd[s].as_slice()[lane]]).collect();
                let wanted: Vec<F> = (0..4).map(|n| expected(4 + 4 * lane + n)).collect();
                assert_eq!(found, wanted, "{by}");
            }
            assert_eq!(held.head(), expected(0));
            assert_eq!(held.extended(50, 51).pairs(0).0, held.pairs(0).0);
            assert_eq!(held.extended(50, 51).pairs(50).0.as_slice()[0], F::ZERO);
        }
    }
}
