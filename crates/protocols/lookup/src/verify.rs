//! The verifier, written once over abstract values.

use std::sync::OnceLock;

use tacit_algebra::field::{Field, PrimeCharacteristicRing};
use tacit_algebra::multilinear::eq;
use tacit_algebra::{K, integer};
use tacit_circuit::Circuit;
use tacit_columns::Views;
use tacit_transcript::{Invalid, Reading};

use crate::claims::{End, Fingerprint, Reduced, conclude};
use crate::labels;
use crate::regions::Regions;

/// Checks the tree's messages. `None` for a circuit without lookups, where nothing is read. The lookups hold, up to the
/// soundness error, if the returned claims do.
pub fn verify<'a, R: Reading>(
    circuit: &'a Circuit,
    views: &mut Views,
    reading: &mut R,
) -> Result<Option<Reduced<'a, R::Value>>, Invalid> {
    let Some(regions) = Regions::new(circuit)? else {
        return Ok(None);
    };
    let alpha = reading.draw(labels::ALPHA);
    let betas = reading.draw_many(labels::BETA, regions.width.saturating_add(1));
    let end = descend(regions.depth, reading)?;
    conclude(circuit, &regions, &Fingerprint { alpha, betas }, end, views).map(Some)
}

/// From the root, where N = 0, to the leaves: one sumcheck per level.
fn descend<R: Reading>(depth: usize, reading: &mut R) -> Result<End<R::Value>, Invalid> {
    let zero = R::Value::from(K::ZERO);
    // At the root only N matters: lambda = 0.
    let (mut point, mut claim, mut lambda) = (Vec::new(), zero.clone(), K::ZERO);
    let (mut numerator, mut fingerprint) = (zero.clone(), zero);
    for level in 0..depth {
        let (target, mut rho) = rounds(&point, claim, reading)?;
        let mut receive = || reading.receive(labels::VALUES);
        let (n0, e0, n1, e1) = (receive()?, receive()?, receive()?, receive()?);
        let (n0e1, n1e0) = (reading.multiply(&n0, &e1), reading.multiply(&n1, &e0));
        let e0e1 = reading.multiply(&e0, &e1);
        let gate_n = n0.clone() + n1.clone() + n0e1 + n1e0;
        let gate_e = e0.clone() + e1.clone() + e0e1;
        let value = (gate_n + gate_e * lambda) * eq(&point, &rho);
        reading.require_zero(value - target, if level == 0 { labels::ROOT_CHECK } else { labels::LEVEL_CHECK })?;
        let tau = reading.draw(labels::TAU);
        lambda = reading.draw(labels::LAMBDA);
        numerator = n0.clone() + (n1 - n0) * tau;
        fingerprint = e0.clone() + (e1 - e0) * tau;
        claim = numerator.clone() + fingerprint.clone() * lambda;
        rho.push(tau);
        point = rho;
    }
    Ok(End { point, numerator, fingerprint })
}

/// One level's sumcheck, variables from the lowest digit up. Returns the last target and the point, highest digit first.
fn rounds<R: Reading>(point: &[K], claim: R::Value, reading: &mut R) -> Result<(R::Value, Vec<K>), Invalid> {
    let (mut target, mut drawn) = (claim, Vec::new());
    for _ in point {
        let mut receive = || reading.receive(labels::ROUND);
        let (at0, at2, at3) = (receive()?, receive()?, receive()?);
        let r = reading.draw(labels::CHALLENGE);
        let at1 = target - at0.clone();
        let [w0, w1, w2, w3] = cubic_weights(r);
        target = at0 * w0 + at1 * w1 + at2 * w2 + at3 * w3;
        drawn.push(r);
    }
    drawn.reverse();
    Ok((target, drawn))
}

/// Lagrange's weights at `x` of the nodes 0, 1, 2, 3.
pub(crate) fn cubic_weights(x: K) -> [K; 4] {
    static INVERSES: OnceLock<(K, K)> = OnceLock::new();
    let invert = |n: i64| integer(n).try_inverse().unwrap_or(K::ZERO);
    let &(half, sixth) = INVERSES.get_or_init(|| (invert(2), invert(6)));
    let (x1, x2, x3) = (x - K::ONE, x - integer(2), x - integer(3));
    let (low, high) = (x * x1, x2 * x3);
    [-(x1 * high) * sixth, x * high * half, -(low * x3) * half, low * x2 * sixth]
}
