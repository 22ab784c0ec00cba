//! Soundness terms of the opening, their sum, and the choice of a schedule.
//!
//! Error terms are in bits: -log2 of a probability. Regime: proven Johnson radius `gamma = 1 - sqrt(rho) - eta`,
//! `eta = sqrt(rho) / 20`, so the list size is `L = 10 / rho`, and a query misses a far word with probability `1.05 sqrt(rho)`.
//! Folding needs mutual correlated agreement: ePrint 2025/2055, Theorem 4.6, whose multiplicity is `m = ceil(sqrt(rho) / eta) = 20`
//! (its Theorem 1.5, without the word mutual, has 10). An interleaved word is one word over an extension of K and the number of
//! bad challenges does not depend on the field, so that neither limbs nor blocks multiply the term.

use tacit_transcript::Invalid;

use crate::schedule::Schedule;

/// log2 |K| = 3 log2 p.
pub const FIELD_BITS: f64 = 191.999_999_998_992;
/// What a chosen schedule's terms, the outer ones included, add up to at least.
pub const TARGET: f64 = 128.0;
/// -log2 of the rate of the commitments.
pub const FIRST_RATE: usize = 2;

/// Name and bits of every term.
pub type Terms = Vec<(String, f64)>;

/// log2 of the list size at rate `2^-rate`.
pub fn list_bits(rate: usize) -> f64 {
    rate as f64 + 10f64.log2()
}

/// Bits that one query adds at rate `2^-rate`.
pub fn miss_bits(rate: usize) -> f64 {
    0.5 * rate as f64 - 1.05f64.log2()
}

/// Proximity gap of one line: words of `2^log_message` coefficients at rate `2^-rate`, two of them folded with one challenge. With n
/// points, `rho = (2^log_message - 1) / n` and m = 20, bad challenges are at most
/// `(2 (m + 1/2)^5 + 3 (m + 1/2) gamma rho) n / (3 rho^1.5) + (m + 1/2) / sqrt(rho)`. No bound for one coefficient (rho = 0).
pub fn gap_bits(log_message: usize, rate: usize) -> f64 {
    let points = (log_message as f64 + rate as f64).exp2();
    let rho = ((log_message as f64).exp2() - 1.0) / points;
    let gamma = 1.0 - 1.05 * (-0.5 * rate as f64).exp2();
    let m = 20.5f64;
    let bad = (2.0 * m.powi(5) + 3.0 * m * gamma * rho) * points / (3.0 * rho * rho.sqrt()) + m / rho.sqrt();
    FIELD_BITS - bad.log2()
}

/// -log2 of the sum of all terms' probabilities.
pub fn composed(terms: &[(String, f64)]) -> f64 {
    -terms.iter().map(|(_, bits)| (-bits).exp2()).sum::<f64>().log2()
}

/// Every term of the opening of `2^log_limbs` addresses. The outer protocol's terms are charged the list of oracle 0:
/// `list_bits(schedule.log_inverse_rates()[0])`.
pub fn terms(schedule: &Schedule, log_limbs: usize) -> Terms {
    let mut terms = Terms::new();
    let mut before: Option<(usize, usize)> = None;
    let folds = std::iter::once(log_limbs).chain(schedule.folds().iter().copied());
    let oracles = folds.zip(schedule.log_inverse_rates().iter().zip(schedule.queries()));
    for (i, (fold, (&rate, &queries))) in oracles.enumerate() {
        let mut add = |name: &str, bits: f64| terms.push((format!("oracle {i}: {name}"), bits));
        let list = list_bits(rate);
        if let Some((log_vector, queries)) = before {
            add("out of domain, L^2/2 * M/|K|", FIELD_BITS + 1.0 - 2.0 * list - log_vector as f64);
            add("combination, (1 + q)/|K| * L", FIELD_BITS - (1.0 + queries as f64).log2() - list);
        }
        if fold > 0 {
            add("sumcheck, 2k/|K| * L", FIELD_BITS - (2.0 * fold as f64).log2() - list);
            let name = format!("proximity gap, {fold} folds");
            add(&name, gap_bits(schedule.log_message(i), rate) - (fold as f64).log2());
        }
        add(&format!("{queries} queries"), queries as f64 * miss_bits(rate));
        before = Some((schedule.log_message(i), queries));
    }
    if schedule.log_final() > 0 {
        terms.push(("final sumcheck, 2f/|K|".into(), FIELD_BITS - (2.0 * schedule.log_final() as f64).log2()));
    }
    terms
}

/// log2 of the rows of a limb for commitments of `cells` cells: about 64 limbs in all, 2^8 to 2^26 rows.
pub fn log_rows(cells: &[u64]) -> usize {
    let total = cells.iter().fold(0u64, |sum, &count| sum.saturating_add(count));
    tacit_algebra::multilinear::bits(total).saturating_sub(6).clamp(8, 26)
}

/// log2 of the rows that are worth trying: for less than 2^20 cells, where time hardly matters, longer limbs too, since a row
/// of every limb is opened at each query.
pub fn rows_to_try(cells: &[u64]) -> std::ops::RangeInclusive<usize> {
    let (least, total) = (log_rows(cells), cells.iter().fold(0u64, |sum, &count| sum.saturating_add(count)));
    if total < 1 << 20 { least..=least.saturating_add(2) } else { least..=least }
}

/// About how many bytes an opening takes, in integers only, to compare schedules. `limbs` of each commitment.
pub fn estimated_bytes(schedule: &Schedule, limbs: &[usize]) -> usize {
    let siblings = |queries: usize, log_domain: usize| {
        queries.saturating_mul(log_domain.saturating_sub(queries.max(1).ilog2() as usize))
    };
    let log_limbs = tacit_algebra::multilinear::bits(limbs.iter().map(|&count| count as u64).sum());
    let mut bytes =
        log_limbs.saturating_add(schedule.log_rows()).saturating_mul(48).saturating_add(24 << schedule.log_final());
    for (i, &queries) in schedule.queries().iter().enumerate() {
        let (trees, row) = match i.checked_sub(1).and_then(|before| schedule.folds().get(before)) {
            Some(&fold) => (1, 24 << fold),
            None => {
                (limbs.len(), limbs.iter().fold(0, |sum: usize, &count| sum.saturating_add(count)).saturating_mul(8))
            }
        };
        let paths = siblings(queries, schedule.log_domain(i)).saturating_mul(trees).saturating_mul(32);
        bytes = bytes.saturating_add(queries.saturating_mul(row)).saturating_add(paths);
    }
    bytes
}

/// A schedule with its terms, outer ones first.
#[derive(Debug, Clone)]
pub struct Choice {
    pub schedule: Schedule,
    pub terms: Terms,
    pub composed: f64,
}

/// Folds of 3 and 4 variables that leave 2^6 to 2^8 coefficients; up to 2^10 rows are not folded at all, since another oracle
/// would take more bytes than the longer polynomial in clear.
fn folds(log_rows: usize) -> Vec<usize> {
    if log_rows <= 10 { Vec::new() } else { folds_to(log_rows, 8) }
}

/// Folds of 4, then 3 variables; the last one so short that about `2^log_final` coefficients are left.
fn folds_to(log_rows: usize, log_final: usize) -> Vec<usize> {
    let excess = log_rows.saturating_sub(log_final);
    let count = excess.div_ceil(4);
    let fours = excess.saturating_sub(count.saturating_mul(3));
    (0..count).map(|i| if i < fours { 4 } else { 3 }).collect()
}

/// The recommended schedule for `2^log_rows` rows and `2^log_limbs` addresses: rates 2^-2, 2^-2, 2^-3, 2^-4, .., and the smallest
/// common query level (steps of 0.1 bit) at which the opening's terms and the `outer` ones together reach [`TARGET`].
///
/// # Errors
/// When `outer` leaves no room, or the rows do not fit a schedule.
pub fn choose(log_rows: usize, log_limbs: usize, outer: &[(String, f64)]) -> Result<Choice, Invalid> {
    complete(log_rows, log_limbs, folds(log_rows), outer)
}

/// Of schedules that leave 2^7 to 2^10 coefficients, the one whose opening of `limbs` limbs per commitment takes the fewest
/// bytes. For small circuits, where time hardly matters.
///
/// # Errors
/// As [`choose`].
pub fn choose_smallest(log_rows: usize, limbs: &[usize], outer: &[(String, f64)]) -> Result<(usize, Choice), Invalid> {
    let log_limbs = tacit_algebra::multilinear::bits(limbs.iter().map(|&count| count as u64).sum());
    let mut best: Option<(usize, Choice)> = None;
    for log_final in 7..=10 {
        let choice = complete(log_rows, log_limbs, folds_to(log_rows, log_final), outer)?;
        let bytes = estimated_bytes(&choice.schedule, limbs);
        if best.as_ref().is_none_or(|(least, _)| bytes < *least) {
            best = Some((bytes, choice));
        }
    }
    best.ok_or(Invalid::Check("the number of schedules"))
}

fn complete(log_rows: usize, log_limbs: usize, folds: Vec<usize>, outer: &[(String, f64)]) -> Result<Choice, Invalid> {
    let rates: Vec<usize> =
        (0..=folds.len()).map(|i| if i == 0 { FIRST_RATE } else { i.saturating_add(1).min(10) }).collect();
    for step in 0..120 {
        let level = TARGET + 0.1 * f64::from(step);
        let queries = rates.iter().map(|&rate| (level / miss_bits(rate)).ceil() as usize).collect();
        let schedule = Schedule::new(log_rows, folds.clone(), rates.clone(), queries, 0)?;
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

    /// The outer terms that the specification's table assumes.
    fn outer(log_leaves: usize) -> Terms {
        let tree: usize = (0..log_leaves).map(|i| 3 * i + 2).sum();
        let logs = [log_leaves as f64 + 1.0, (tree as f64).log2(), ((64 + 8192 + 4 * log_leaves) as f64).log2(), 12.0];
        logs.iter().map(|log| ("outer".into(), FIELD_BITS - log - list_bits(FIRST_RATE))).collect()
    }

    #[test]
    fn field_size() {
        assert!((3.0 * (tacit_algebra::P as f64).log2() - FIELD_BITS).abs() < 1e-9);
    }

    #[test]
    fn table_of_the_specification() {
        // rows, folds, queries, composed bits
        let table: [(usize, &[usize], &[usize], f64); 3] = [
            (18, &[4, 3, 3], &[140, 140, 91, 68], 128.332_820_003),
            (12, &[4], &[139, 139], 128.215_883_243),
            (21, &[4, 3, 3, 3], &[140, 140, 91, 68, 54], 128.147_314_916),
        ];
        for (rows, folds, queries, bits) in table {
            let choice = choose(rows, 6, &outer(rows + 6)).unwrap();
            assert_eq!((choice.schedule.folds(), choice.schedule.queries()), (folds, queries));
            assert_eq!(choice.schedule.log_final(), 8);
            assert!((choice.composed - bits).abs() < 1e-6, "{rows}: {}", choice.composed);
        }
    }

    #[test]
    fn a_single_coefficient_has_no_bound() {
        assert_eq!(gap_bits(0, 2), f64::NEG_INFINITY);
        let schedule = Schedule::new(4, vec![4], vec![2, 2], vec![200, 200], 0).unwrap();
        assert_eq!(composed(&terms(&schedule, 3)), f64::NEG_INFINITY);
        assert!(gap_bits(1, 2) > 160.0 && gap_bits(24, 2) < gap_bits(23, 2));
    }

    #[test]
    fn every_size_has_a_schedule() {
        for rows in 8..=26 {
            let choice = choose(rows, 6, &outer(rows + 6)).unwrap();
            assert!(choice.composed >= TARGET && choice.composed < TARGET + 1.5, "{rows}: {}", choice.composed);
            assert!((6..=10).contains(&choice.schedule.log_final()));
        }
    }

    #[test]
    fn rows_of_a_limb() {
        assert_eq!(log_rows(&[53 << 18, 11 << 18]), 18);
        assert_eq!(log_rows(&[100, 3]), 8);
        assert_eq!(log_rows(&[u64::MAX, u64::MAX]), 26);
    }

    #[test]
    fn small_circuits_get_longer_limbs_where_that_is_smaller() {
        let bytes =
            |rows: usize, limbs: usize| choose_smallest(rows, &[limbs / 2, limbs - limbs / 2], &outer(17)).unwrap().0;
        assert!(bytes(12, 31) < bytes(11, 60));
        assert!(bytes(10, 31) < bytes(9, 60));
        assert_eq!(rows_to_try(&[100_000, 20_000]), 11..=13);
        assert_eq!(rows_to_try(&[53 << 18, 11 << 18]), 18..=18);
    }

    #[test]
    fn no_room_is_an_error() {
        assert!(choose(18, 6, &[("outer".into(), 127.0)]).is_err());
    }
}
