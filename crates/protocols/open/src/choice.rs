//! The choice of a schedule: of all those that reach 128 bits, the one whose proofs take the fewest bytes at a bounded amount of work.
//!
//! Whoever compiles chooses; a verifier takes any schedule of enough bits. So bytes and work are estimates, in integers, which are the
//! same on every machine.

use std::ops::RangeInclusive;

use tacit_algebra::multilinear::bits;
use tacit_transcript::Invalid;

use crate::schedule::Schedule;
use crate::security::{Terms, composed, miss_bits, terms};

/// What a chosen schedule's terms, the outer ones included, add up to at least.
pub const TARGET: f64 = 128.0;
/// Cells from which on a circuit is large: then the commitments' codewords decide what memory and time a proof takes.
const LARGE: u64 = 1 << 22;
/// -log2 of the lowest rate that commitments get.
pub const LOWEST_FIRST: usize = 6;
/// -log2 of the lowest rate of a later oracle.
const LOWEST: usize = 10;
/// log2 of the points of a commitment's domain at a rate below the highest one.
const LONGEST_DOMAIN: usize = 26;
/// Processor nanoseconds: an element of a codeword, a leaf with the nodes above it, an opened cell, a step of computing the opened rows
/// of a codeword that is not held (those of more elements than the last).
const ELEMENT: u64 = 12;
const HASHED: u64 = 90;
const OPENED: u64 = 55;
const STEP: u64 = 1;
const HELD: u64 = 1 << 27;

/// What is wanted of the receipts: that they are quick to make, or small.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Receipts {
    #[default]
    Quick,
    Small,
}

impl Receipts {
    /// -log2 of the rates that are tried for the commitments of so many cells. Large ones take 8 bytes times cells times the inverse.
    pub fn rates(self, cells: u64) -> RangeInclusive<usize> {
        match self {
            Self::Quick if cells >= LARGE => 2..=2,
            Self::Quick => 2..=4,
            Self::Small => 2..=LOWEST_FIRST,
        }
    }

    /// How much work a proof may take where the quickest takes `least`: a little more, or some times as much, and ten milliseconds
    /// that nobody notices, but that save a third of the bytes of a small circuit's receipts.
    fn most(self, least: u64) -> u64 {
        let percent = match self {
            Self::Quick => 115,
            Self::Small => 300,
        };
        (least / 100).saturating_mul(percent).saturating_add(10_000_000)
    }

    /// What is least of the best candidate among those with work within the bound: of quick ones a tenth fewer bytes are worth half as
    /// much work again.
    fn score(self, candidate: &Candidate) -> u128 {
        let bytes = u128::from(candidate.bytes);
        match self {
            Self::Quick => bytes.saturating_pow(4).saturating_mul(u128::from(candidate.work)),
            Self::Small => bytes,
        }
    }

    /// Elements of a later oracle's codeword, which a prover holds, at most; those at the highest rate are always allowed.
    fn largest_oracle(self) -> u64 {
        match self {
            Self::Quick => 1 << 26,
            Self::Small => 1 << 27,
        }
    }
}

/// log2 of the rows of a limb for commitments of `cells` cells: about 64 limbs in all, 2^8 to 2^26 rows.
pub fn log_rows(cells: u64) -> usize {
    bits(cells).saturating_sub(6).clamp(8, 26)
}

/// A schedule, with what a proof by it takes.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// Its queries are estimates: [`complete`] has those that are needed.
    pub schedule: Schedule,
    pub bytes: u64,
    pub work: u64,
}

/// The schedules of limbs of `2^log_rows` rows and commitments of rate `2^-rate` that are worth a look: folds of 4, then 3 variables
/// that leave 2^5 to 2^10 coefficients, and rates that fall from oracle to oracle.
fn schedules(log_rows: usize, rate: usize, salt: usize) -> impl Iterator<Item = Schedule> {
    let folds = (0..=log_rows / 3).flat_map(move |count| {
        (0..=count).map(move |fours| (0..count).map(|i| if i < fours { 4 } else { 3 }).collect::<Vec<usize>>())
    });
    let left = move |folds: &Vec<usize>| log_rows.checked_sub(folds.iter().sum());
    let folds = folds.filter(move |folds| left(folds).is_some_and(|left| (5..=10).contains(&left)));
    folds.flat_map(move |folds| {
        // Without an oracle after the commitments there are no later rates to choose.
        let falls = if folds.is_empty() { 0..=0 } else { 0..=4usize };
        let steps = if folds.len() < 2 { 1..=1 } else { 1..=3usize };
        falls.flat_map(move |fall| steps.clone().map(move |step| (fall, step))).filter_map({
            let folds = folds.clone();
            move |(fall, step)| {
                let later = (0..folds.len()).map(|i| rate.saturating_add(fall).saturating_add(step.saturating_mul(i)));
                let rates: Vec<usize> = std::iter::once(rate).chain(later.map(|rate| rate.min(LOWEST))).collect();
                let level = TARGET + 0.05 + (rates.len() as f64).log2();
                with_queries(log_rows, &folds, &rates, level, salt).ok()
            }
        })
    })
}

/// Queries to a commitment of rate `2^-rate`, at least.
pub fn fewest_queries(rate: usize) -> u64 {
    (TARGET / miss_bits(rate)).ceil() as u64
}

/// A schedule whose queries have `level` bits at every oracle.
fn with_queries(
    log_rows: usize,
    folds: &[usize],
    rates: &[usize],
    level: f64,
    salt: usize,
) -> Result<Schedule, Invalid> {
    let queries = rates.iter().map(|&rate| (level / miss_bits(rate)).ceil() as usize).collect();
    Schedule::new(log_rows, folds.to_vec(), rates.to_vec(), queries, salt)
}

/// All candidates of limbs of these lengths and commitments of these rates: first those whose work is bounded as `receipts` says, the
/// best ones first; then the others, the quickest first. `limbs(schedule)`: how many each commitment has, the weights
/// first, which are committed to before the proof; `None` where they do not fit. `outside`: nanoseconds of what no schedule changes.
pub fn candidates(
    receipts: Receipts,
    rows: RangeInclusive<usize>,
    rates: RangeInclusive<usize>,
    salt: usize,
    outside: u64,
    limbs: impl Fn(&Schedule) -> Option<Vec<usize>>,
) -> Vec<Candidate> {
    let highest = *rates.start();
    let lengths = rates.flat_map(move |rate| rows.clone().map(move |rows| (rows, rate)));
    let within = lengths.filter(|&(rows, rate)| rate == highest || rows.saturating_add(rate) <= LONGEST_DOMAIN);
    let mut found: Vec<Candidate> = within
        .flat_map(|(rows, rate)| schedules(rows, rate, salt))
        .filter(|schedule| {
            let most = receipts.largest_oracle().max(3 << schedule.log_rows().saturating_add(highest));
            (1..=schedule.folds().len()).all(|i| elements(schedule, i) <= most)
        })
        .filter_map(|schedule| {
            let limbs = limbs(&schedule)?;
            let (bytes, work) = (estimated_bytes(&schedule, &limbs), work(&schedule, &limbs).saturating_add(outside));
            Some(Candidate { schedule, bytes, work })
        })
        .collect();
    let least = found.iter().map(|candidate| candidate.work).min().unwrap_or(0);
    let most = receipts.most(least);
    found.sort_by_key(|candidate| (candidate.work.saturating_sub(most), receipts.score(candidate), candidate.work));
    found
}

/// Elements of F of the i-th oracle's codeword, i >= 1.
fn elements(schedule: &Schedule, i: usize) -> u64 {
    let fold = i.checked_sub(1).and_then(|before| schedule.folds().get(before)).copied().unwrap_or(0);
    3u64.checked_shl(schedule.log_domain(i).saturating_add(fold) as u32).unwrap_or(u64::MAX)
}

/// Nanoseconds of one thread, about, that the witness' commitment and the opening take.
fn work(schedule: &Schedule, limbs: &[usize]) -> u64 {
    let times = |limbs: &[usize], log: usize| -> u64 {
        limbs.iter().fold(0u64, |sum, &count| sum.saturating_add((count as u64).saturating_mul(1 << log)))
    };
    let (rate, rows) = (schedule.log_domain(0).saturating_sub(schedule.log_rows()), schedule.log_rows());
    let oracles = 1..=schedule.folds().len();
    let encoded = oracles
        .clone()
        .map(|i| elements(schedule, i))
        .fold(times(limbs.get(1..).unwrap_or(&[]), schedule.log_domain(0)), u64::saturating_add);
    let hashed = std::iter::once(0).chain(oracles).map(|i| 1u64 << schedule.log_domain(i)).fold(0, u64::saturating_add);
    let again = limbs.iter().filter(|&&count| times(&[count], schedule.log_domain(0)) > HELD);
    let again = again.fold(0u64, |sum, &count| sum.saturating_add(times(&[count], rows)));
    let queries = schedule.queries().first().copied().unwrap_or(1).max(1);
    // Each layer of the transform that splits into less than `queries` nodes takes 2^rate steps a cell, all later ones twice that.
    let steps = match (queries.ilog2() as usize).checked_sub(rate) {
        Some(layers) => (layers as u64).saturating_add(2) << rate,
        None => (queries as u64).saturating_mul(2),
    };
    [(ELEMENT, encoded), (HASHED, hashed), (OPENED, times(limbs, rows)), (STEP.saturating_mul(steps), again)]
        .into_iter()
        .fold(0, |sum, (price, count)| sum.saturating_add(price.saturating_mul(count)))
}

/// About how many bytes an opening takes. `limbs` of each commitment.
pub fn estimated_bytes(schedule: &Schedule, limbs: &[usize]) -> u64 {
    let total = |limbs: &[usize]| limbs.iter().fold(0u64, |sum, &count| sum.saturating_add(count as u64));
    let log_limbs = bits(total(limbs)) as u64;
    let mut bytes = log_limbs
        .saturating_add(schedule.log_rows() as u64)
        .saturating_mul(48)
        .saturating_add(24 << schedule.log_final());
    for (i, &queries) in schedule.queries().iter().enumerate() {
        let (trees, row) = match i.checked_sub(1).and_then(|before| schedule.folds().get(before)) {
            Some(&fold) => (1, 24 << fold),
            None => (limbs.len() as u64, total(limbs).saturating_mul(8)),
        };
        let asked = (queries as u64).min(1 << schedule.log_domain(i));
        let salts = trees.saturating_mul(schedule.salt() as u64);
        let paths = siblings(asked, schedule.log_domain(i)).saturating_mul(trees).saturating_mul(32);
        bytes = bytes.saturating_add(asked.saturating_mul(row.saturating_add(salts))).saturating_add(paths);
    }
    bytes
}

/// Nodes of a multi-proof of q random leaves of n = 2^depth: about `q (depth - log2 q - 7/8 + 3/2 q/n)`, in eighths.
fn siblings(queries: u64, depth: usize) -> u64 {
    if queries >> depth > 0 {
        return 0;
    }
    let log = u64::from(u128::from(queries.clamp(1, 0xffff)).saturating_pow(8).ilog2());
    let rest = queries.saturating_mul(12).checked_shr(depth as u32).unwrap_or(0);
    let layers = 8u64.saturating_mul(depth as u64).saturating_sub(log).saturating_sub(7).saturating_add(rest);
    queries.saturating_mul(layers) / 8
}

/// A schedule with its terms, outer ones first.
#[derive(Debug, Clone)]
pub struct Choice {
    pub schedule: Schedule,
    pub terms: Terms,
    pub composed: f64,
}

/// The candidate with the smallest common query level (steps of 0.1 bit) at which the opening's terms of `2^log_limbs` addresses and
/// the `outer` ones together reach [`TARGET`].
///
/// # Errors
/// When `outer` leaves no room.
pub fn complete(candidate: &Schedule, log_limbs: usize, outer: &[(String, f64)]) -> Result<Choice, Invalid> {
    let (folds, rates) = (candidate.folds(), candidate.log_inverse_rates());
    let steps = if composed(outer) > TARGET { 0..120 } else { 0..0 };
    for step in steps {
        let level = TARGET + 0.1 * f64::from(step);
        let schedule = with_queries(candidate.log_rows(), folds, rates, level, candidate.salt())?;
        let mut all = outer.to_vec();
        all.extend(terms(&schedule, log_limbs));
        let composed = composed(&all);
        if composed >= TARGET {
            return Ok(Choice { schedule, terms: all, composed });
        }
    }
    Err(Invalid::Check("the sum of the soundness terms"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::security::{FIELD_BITS, list_bits};

    /// The outer terms that the specification's table assumes.
    fn outer(log_leaves: usize, rate: usize) -> Terms {
        let tree: usize = (0..log_leaves).map(|i| 3 * i + 2).sum();
        let logs = [log_leaves as f64 + 1.0, (tree as f64).log2(), ((64 + 8192 + 4 * log_leaves) as f64).log2(), 12.0];
        logs.iter().map(|log| ("outer".into(), FIELD_BITS - log - list_bits(rate))).collect()
    }

    /// Candidates of 2^cells cells, a sixth of them of the witness.
    fn found(receipts: Receipts, cells: usize) -> Vec<Candidate> {
        let (total, least) = (1u64 << cells, log_rows(1 << cells));
        let limbs = |schedule: &Schedule| {
            let limbs = total.div_ceil(1 << schedule.log_rows()) as usize;
            Some(vec![limbs - limbs / 6, (limbs / 6).max(1)])
        };
        candidates(receipts, least..=least + 2, receipts.rates(total), 0, 100 << cells, limbs)
    }

    #[test]
    fn table_of_the_specification() {
        // rows, folds, rates, queries, composed bits
        type Row<'a> = (usize, &'a [usize], &'a [usize], &'a [usize], f64);
        let table: [Row<'_>; 3] = [
            (18, &[4, 3, 3], &[2, 2, 3, 4], &[140, 140, 91, 68], 128.332_820_003),
            (12, &[4], &[2, 2], &[139, 139], 128.215_883_243),
            (21, &[4, 3, 3, 3], &[2, 2, 3, 4, 5], &[140, 140, 91, 68, 54], 128.147_314_916),
        ];
        for (rows, folds, rates, queries, bits) in table {
            let ones = vec![1; rates.len()];
            let wanted = Schedule::new(rows, folds.to_vec(), rates.to_vec(), ones, 0).unwrap();
            let choice = complete(&wanted, 6, &outer(rows + 6, 2)).unwrap();
            assert_eq!(choice.schedule.queries(), queries);
            assert!((choice.composed - bits).abs() < 1e-6, "{rows}: {}", choice.composed);
        }
    }

    #[test]
    fn every_size_has_a_schedule() {
        for receipts in [Receipts::Quick, Receipts::Small] {
            for cells in 8..=32 {
                let best = &found(receipts, cells)[0].schedule;
                let rate = best.log_inverse_rates()[0];
                let choice = complete(best, 6, &outer(cells, rate)).unwrap();
                assert!(choice.composed >= TARGET && choice.composed < TARGET + 3.0, "{cells}: {}", choice.composed);
                assert!(receipts.rates(1 << cells).contains(&rate));
                assert!(choice.schedule.log_inverse_rates().is_sorted());
                assert!((5..=10).contains(&choice.schedule.log_final()));
            }
        }
    }

    /// The best of each goal, against all candidates of that goal.
    #[test]
    fn receipts_are_as_small_as_the_bound_on_work_lets_them_be() {
        for receipts in [Receipts::Quick, Receipts::Small] {
            for cells in [12, 16, 20, 24, 27] {
                let all = found(receipts, cells);
                let least = all.iter().map(|candidate| candidate.work).min().unwrap();
                let within = |candidate: &&Candidate| candidate.work <= receipts.most(least);
                let best = all.iter().filter(within).map(|candidate| receipts.score(candidate)).min().unwrap();
                assert!(within(&&all[0]) && receipts.score(&all[0]) == best, "{cells}");
                // Where no candidate within the bound will do, the quickest of the others comes next.
                let others = all.iter().skip_while(within).map(|candidate| candidate.work);
                assert!(others.is_sorted() && (cells > 20 || all.iter().filter(within).count() < all.len()));
            }
        }
        for cells in [12, 16, 20, 24, 27] {
            let [quick, small] = [Receipts::Quick, Receipts::Small].map(|receipts| found(receipts, cells)[0].bytes);
            assert!(small < quick, "{cells}: {small} {quick}");
        }
    }

    #[test]
    fn rows_of_a_limb() {
        assert_eq!(log_rows(64 << 18), 18);
        assert_eq!(log_rows(103), 8);
        assert_eq!(log_rows(u64::MAX), 26);
    }

    /// Against the sum over the layers of `n ((1 - 1/n)^q - (1 - 2/n)^q)`, what is expected of q random leaves.
    #[test]
    fn siblings_are_about_as_many_as_expected() {
        for (queries, depth) in [(140u64, 17usize), (91, 14), (54, 24), (27, 12), (140, 9)] {
            let expected: f64 = (1..=depth)
                .map(|level| {
                    let nodes = (level as f64).exp2();
                    nodes * ((1.0 - 1.0 / nodes).powi(queries as i32) - (1.0 - 2.0 / nodes).powi(queries as i32))
                })
                .sum();
            let found = siblings(queries, depth) as f64;
            assert!((found / expected - 1.0).abs() < 0.05, "{queries} {depth}: {found} {expected}");
        }
        assert_eq!((siblings(1, 0), siblings(200, 3)), (0, 0));
    }

    #[test]
    fn no_room_is_an_error() {
        let wanted = &found(Receipts::Quick, 24)[0].schedule;
        assert!(complete(wanted, 6, &[("outer".into(), 127.0)]).is_err());
        assert!(complete(wanted, 6, &[("outer".into(), 128.001)]).is_err());
    }
}
