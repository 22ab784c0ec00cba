//! What both sides know before the opening starts.

use std::ops::Range;

use p3_field::{Field, PrimeCharacteristicRing, TwoAdicField};
use tacit_algebra::multilinear::bits;
use tacit_algebra::{F, K, to_bytes};
use tacit_transcript::{Digest, Invalid, Transcript};

/// Sizes, rates and queries of all oracles. Oracle 0 is what the commitments hold; oracle i >= 1 holds the
/// `2^folds[i - 1]` contiguous blocks of the i-th folded vector as columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    log_rows: usize,
    folds: Vec<usize>,
    log_inverse_rates: Vec<usize>,
    queries: Vec<usize>,
    salt: usize,
}

/// log2 of the largest two-power subgroup of the field.
const TWO_ADICITY: usize = 32;
/// log2 of the longest polynomial that is sent in clear.
const MAX_FINAL: usize = 16;

impl Schedule {
    /// # Errors
    /// When a limb has more than 2^30 rows, folds exceed the rows or leave more than 2^16 of them, a fold is not in 1 ..= 8, a
    /// rate is not in 2^-1 ..= 2^-10, an oracle has no queries or more than 65535, the lists do not fit together, a domain
    /// exceeds 2^32 points, or a salt is not 0, 4, 8, .. or 64 bytes.
    pub fn new(
        log_rows: usize,
        folds: Vec<usize>,
        log_inverse_rates: Vec<usize>,
        queries: Vec<usize>,
        salt: usize,
    ) -> Result<Self, Invalid> {
        let folded: usize = folds.iter().fold(0, |sum, &fold| sum.saturating_add(fold));
        let oracles = folds.len().saturating_add(1);
        let checks = [
            (log_rows <= 30, "the schedule: rows of a limb"),
            (folds.iter().all(|fold| (1..=8).contains(fold)), "the schedule: variables of a fold"),
            (log_rows.checked_sub(folded).is_some_and(|left| left <= MAX_FINAL), "the schedule: sum of the folds"),
            (log_inverse_rates.len() == oracles && queries.len() == oracles, "the schedule: number of oracles"),
            (log_inverse_rates.iter().all(|rate| (1..=10).contains(rate)), "the schedule: rates"),
            (queries.iter().all(|count| (1..=0xffff).contains(count)), "the schedule: queries"),
            (salt <= 64 && salt.is_multiple_of(4), "the schedule: bytes of a salt"),
        ];
        if let Some((_, failed)) = checks.iter().find(|(holds, _)| !holds) {
            return Err(Invalid::Check(failed));
        }
        let schedule = Self { log_rows, folds, log_inverse_rates, queries, salt };
        if (0..oracles).any(|i| schedule.log_domain(i) > TWO_ADICITY) {
            return Err(Invalid::Check("the schedule: size of a domain"));
        }
        Ok(schedule)
    }

    /// A limb has `2^log_rows` rows.
    pub fn log_rows(&self) -> usize {
        self.log_rows
    }

    /// Variables folded after oracle 1, 2, .. was committed.
    pub fn folds(&self) -> &[usize] {
        &self.folds
    }

    /// -log2 of the rate of every oracle.
    pub fn log_inverse_rates(&self) -> &[usize] {
        &self.log_inverse_rates
    }

    /// Distinct positions opened in every oracle.
    pub fn queries(&self) -> &[usize] {
        &self.queries
    }

    /// Bytes of salt in a leaf.
    pub fn salt(&self) -> usize {
        self.salt
    }

    /// log2 of the coefficients of the polynomial that is sent in clear.
    pub fn log_final(&self) -> usize {
        self.log_message(self.folds.len())
    }

    /// log2 of the coefficients of a column of oracle `i`.
    pub fn log_message(&self, i: usize) -> usize {
        self.folds.iter().take(i).fold(self.log_rows, |left, &fold| left.saturating_sub(fold))
    }

    /// log2 of the points (= leaves) of oracle `i`.
    pub fn log_domain(&self, i: usize) -> usize {
        self.log_message(i).saturating_add(self.log_inverse_rates.get(i).copied().unwrap_or(0))
    }

    /// The rows T, ascending and disjoint: where four limbs of a hiding commitment hold uniform cells, so that everything that
    /// oracles 1, 2, .. and the final polynomial show is uniform (`docs/hiding.md`).
    ///
    /// The vector before the i-th fold has blocks of B rows. Every block but the first has `q_i` of these rows, for the opened rows of
    /// oracle i; the second one `q_(i-1) + 1` more, for the values at the queries before and out of the domain; block `2^(k_i - j)` two
    /// more, for the j-th round. Once a block is too short, the whole vector is uniform. The final polynomial's rows are.
    pub fn trace(&self) -> Vec<Range<u64>> {
        let shown = |i: usize| (self.count(i) as u64).min(1 << self.log_domain(i));
        let mut runs: Vec<Range<u64>> = std::iter::once(0..1 << self.log_final()).collect();
        for (i, &fold) in (1..).zip(&self.folds) {
            let block = 1u64 << self.log_message(i);
            let mut wanted = vec![shown(i); 1 << fold];
            let mut want = |s: usize, more: u64| {
                wanted.iter_mut().skip(s).take(1).for_each(|count| *count = count.saturating_add(more));
            };
            want(1, shown(i.saturating_sub(1)).saturating_add(1));
            (0..fold).for_each(|j| want(1 << j, 2));
            if wanted.iter().skip(1).any(|&count| count > block) {
                runs.push(0..block << fold);
                break;
            }
            let later = (0u64..).zip(wanted).skip(1);
            runs.extend(later.map(|(s, count)| s.saturating_mul(block)..s.saturating_mul(block).saturating_add(count)));
        }
        runs.sort_by_key(|run| (run.start, run.end));
        let mut merged: Vec<Range<u64>> = Vec::new();
        for run in runs {
            match merged.last_mut().filter(|last| run.start <= last.end) {
                Some(last) => last.end = last.end.max(run.end),
                None => merged.push(run),
            }
        }
        merged
    }

    /// Queries to oracle `i`.
    pub(crate) fn count(&self, i: usize) -> usize {
        self.queries.get(i).copied().unwrap_or(0)
    }

    /// The domain of oracle `i` is the coset `g^(i+1) <w>`, so domains are disjoint.
    pub(crate) fn shift(i: usize) -> F {
        F::GENERATOR.exp_u64((i as u64).saturating_add(1))
    }

    /// The point of leaf `position` of oracle `i`: `g^(i+1) w^(position with its log_domain bits reversed)`.
    pub(crate) fn point(&self, i: usize, position: u64) -> F {
        let log = self.log_domain(i);
        let exponent = position.reverse_bits().checked_shr(u64::BITS.saturating_sub(log as u32)).unwrap_or(0);
        Self::shift(i) * F::two_adic_generator(log).exp_u64(exponent)
    }
}

/// Limbs per commitment, and the address of every limb (in commitment order) in `[0, 2^log_limbs)`. Addresses that no limb
/// has hold zeros.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    pub widths: Vec<usize>,
    pub addresses: Vec<u64>,
}

/// log2 of the most limbs that one opening joins.
pub const MAX_LOG_LIMBS: usize = 16;
/// Digits that an address may have however few the limbs are.
const FEWEST_DIGITS: usize = 5;

impl Shape {
    /// Limbs of all commitments.
    pub fn limbs(&self) -> usize {
        self.addresses.len()
    }

    /// k0: variables of the first sumcheck, the digits of the largest address.
    pub fn log_limbs(&self) -> usize {
        bits(self.addresses.iter().max().map_or(0, |&last| last.saturating_add(1)))
    }

    /// # Errors
    /// When a commitment has no limb, counts disagree, there are more than 2^16 limbs, or addresses repeat, or need more digits than
    /// twice as many limbs would, and more than five.
    pub fn check(&self) -> Result<(), Invalid> {
        let total = self.widths.iter().fold(0usize, |sum, &width| sum.saturating_add(width));
        let distinct: std::collections::BTreeSet<&u64> = self.addresses.iter().collect();
        let sane = !self.widths.is_empty()
            && self.widths.iter().all(|&width| width >= 1)
            && total == self.addresses.len()
            && self.log_limbs() <= MAX_LOG_LIMBS
            && distinct.len() == total
            && self.log_limbs() <= bits(self.addresses.len() as u64).saturating_add(1).max(FEWEST_DIGITS);
        if sane { Ok(()) } else { Err(Invalid::Check("the shape of the limbs")) }
    }
}

fn words(values: impl IntoIterator<Item = u64>) -> Vec<u8> {
    values.into_iter().flat_map(u64::to_le_bytes).collect()
}

fn list(values: &[usize]) -> impl Iterator<Item = u64> + '_ {
    std::iter::once(values.len() as u64).chain(values.iter().map(|&value| value as u64))
}

/// Absorbs everything that defines the claim, the form itself excepted: that is the caller's part.
pub(crate) fn bind(transcript: &mut Transcript, schedule: &Schedule, shape: &Shape, roots: &[Digest], value: K) {
    let sizes = [schedule.log_rows as u64, schedule.salt as u64];
    let lists = list(&schedule.folds).chain(list(&schedule.log_inverse_rates)).chain(list(&schedule.queries));
    transcript.absorb("opening: schedule", &words(sizes.into_iter().chain(lists)));
    transcript.absorb("opening: shape", &words(list(&shape.widths).chain(shape.addresses.iter().copied())));
    for root in roots {
        transcript.absorb("opening: root", root);
    }
    transcript.absorb("opening: claim", &to_bytes(value));
}
