//! The verifier, over field elements or abstract values.

use std::collections::BTreeMap;

use tacit_algebra::K;
use tacit_algebra::field::PrimeCharacteristicRing;
use tacit_algebra::multilinear::interpolation_weights;
use tacit_circuit::Circuit;
use tacit_columns::{Views, Weighted};
use tacit_transcript::{Invalid, Reading};

use crate::Reduced;
use crate::plan::{Endings, Plan};

/// Reduces all contracts of `circuit` and the product terms of `virtuals` to linear claims.
///
/// `virtuals` are sums whose affine parts the caller has dealt with, weighted along their output axes by eq weights.
///
/// # Errors
/// [`Invalid`] when the proof ends early, a message is not canonical, the last check fails, or the circuit is malformed.
pub fn verify<'a, R: Reading>(
    circuit: &'a Circuit,
    virtuals: &[Weighted<'a>],
    views: &mut Views,
    reading: &mut R,
) -> Result<Reduced<R::Value>, Invalid> {
    let plan = Plan::new(circuit, virtuals, views, &mut |label| reading.draw(label))?;
    let zero = || R::Value::from(K::ZERO);
    let (contracts, virtuals) = plan.sends();
    let u = if contracts { reading.receive("contract affine total")? } else { zero() };
    let w = if virtuals { reading.receive("contract virtual total")? } else { zero() };
    let (mut target, mut rho) = (w.clone() * plan.power - u.clone(), Vec::with_capacity(plan.variables()));
    for _ in 0..plan.variables() {
        let (next, r) = round(reading, plan.degree(), target)?;
        target = next;
        rho.push(r);
    }
    let endings = plan.endings(circuit, &rho, views)?;
    let values = reading.receive_many("contract value", endings.distinct.len())?;
    if !plan.instances.is_empty() {
        let total = last(&plan, &endings, &rho, &values, reading)?;
        reading.require_zero(total - target, "the contraction sumcheck")?;
    }
    Ok(Reduced { claims: plan.claims(u, endings, values), virtual_total: w })
}

/// One round: the polynomial's values at 0, 2, 3, .., degree; its value at 1 follows from the target.
fn round<R: Reading>(reading: &mut R, degree: usize, target: R::Value) -> Result<(R::Value, K), Invalid> {
    let sent = reading.receive_many("contract round", degree)?;
    let r = reading.draw("contract challenge");
    let mut values = sent.into_iter();
    let zero = values.next().ok_or(Invalid::Circuit("a sumcheck of degree zero"))?;
    let one = target - zero.clone();
    let mut next = R::Value::from(K::ZERO);
    for (value, weight) in [zero, one].into_iter().chain(values).zip(interpolation_weights(degree.saturating_add(1), r))
    {
        next = next + value * weight;
    }
    Ok((next, r))
}

/// `sum over instances of scale * prod_{waiting rounds} (1 - rho_j) * eq * product of the factors' values`. Instances with
/// the same factors are added first: one product each.
fn last<R: Reading>(
    plan: &Plan<'_>,
    endings: &Endings,
    rho: &[K],
    values: &[R::Value],
    reading: &mut R,
) -> Result<R::Value, Invalid> {
    let mut products: BTreeMap<Vec<usize>, K> = BTreeMap::new();
    for ((instance, scale), places) in plan.scaled().zip(&endings.of_instance) {
        let waiting = rho.len().saturating_sub(instance.variables());
        let (before, own) = rho.split_at_checked(waiting).unwrap_or((rho, &[]));
        let lifted = before.iter().fold(scale, |product, &r| product * (K::ONE - r));
        let mut places = places.clone();
        places.sort_unstable();
        *products.entry(places).or_insert(K::ZERO) += lifted * instance.eq(own);
    }
    let mut total = R::Value::from(K::ZERO);
    for (places, scale) in products {
        let mut factors = places.iter().filter_map(|&place| values.get(place));
        let first = factors.next().ok_or(Invalid::Circuit("a product without factors"))?;
        let product = factors.fold(first.clone(), |product, factor| reading.multiply(&product, factor));
        total = total + product * scale;
    }
    Ok(total)
}
