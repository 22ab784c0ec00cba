//! Soundness terms of the opening, and their sum.
//!
//! Error terms are in bits: -log2 of a probability. Regime: proven Johnson radius `gamma = 1 - sqrt(rho) - eta`,
//! `eta = sqrt(rho) / 20`, so the list size is `L = 10 / rho`, and a query misses a far word with probability `1.05 sqrt(rho)`.
//! Folding needs mutual correlated agreement: ePrint 2025/2055, Theorem 4.6, whose multiplicity is `m = ceil(sqrt(rho) / eta) = 20`
//! (its Theorem 1.5, without the word mutual, has 10). An interleaved word is one word over an extension of K and the number of
//! bad challenges does not depend on the field, so that neither limbs nor blocks multiply the term.

use crate::schedule::Schedule;

/// log2 |K| = 3 log2 p.
pub const FIELD_BITS: f64 = 191.999_999_998_992;
/// What a chosen schedule's terms, the outer ones included, add up to at least.
pub const TARGET: f64 = 128.0;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn field_size() {
        assert!((3.0 * (tacit_algebra::P as f64).log2() - FIELD_BITS).abs() < 1e-9);
    }

    #[test]
    fn a_single_coefficient_has_no_bound() {
        assert_eq!(gap_bits(0, 2), f64::NEG_INFINITY);
        let schedule = Schedule::new(4, vec![4], vec![2, 2], vec![200, 200], 0).unwrap();
        assert_eq!(composed(&terms(&schedule, 3)), f64::NEG_INFINITY);
        assert!(gap_bits(1, 2) > 160.0 && gap_bits(24, 2) < gap_bits(23, 2));
    }
}
