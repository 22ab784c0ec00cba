//! The prover: folds every factor along its private axes, then runs the batched sumcheck.

mod blocks;
mod factor;
mod join;
mod kernel;
mod plain;
mod products;
mod rounds;
mod step;
mod table;

use rayon::prelude::*;
use tacit_algebra::K;
use tacit_algebra::field::PrimeCharacteristicRing;
use tacit_algebra::multilinear::interpolation_weights;
use tacit_algebra::progress::{Progress, Stopped};
use tacit_circuit::{Circuit, Columns};
use tacit_columns::{Views, Weighted};
use tacit_transcript::{Sender, on_pool};

use crate::Reduced;
use crate::plan::Plan;
use products::products;
use rounds::{Challenge, Product};

/// The counterpart of [`crate::verify`].
///
/// # Errors
/// [`Stopped`] when `progress` asks for it.
///
/// # Panics
/// When the circuit is not valid, or `values` are not its columns.
pub fn prove<'a>(
    circuit: &'a Circuit,
    values: &dyn Columns,
    virtuals: &[Weighted<'a>],
    views: &mut Views,
    sender: &mut Sender,
    progress: &Progress,
) -> Result<Reduced<K>, Stopped> {
    on_pool(|| prove_inside(circuit, values, virtuals, views, sender, progress))
}

fn prove_inside<'a>(
    circuit: &'a Circuit,
    values: &dyn Columns,
    virtuals: &[Weighted<'a>],
    views: &mut Views,
    sender: &mut Sender,
    progress: &Progress,
) -> Result<Reduced<K>, Stopped> {
    let plan = Plan::new(circuit, virtuals, views, &mut |label| sender.draw(label)).expect("the circuit is valid");
    let mut products = products(circuit, values, &plan, progress)?;
    let totals: Vec<K> = products.iter().map(Product::total).collect();
    let (contracts, virtuals) = totals.split_at(plan.contracts);
    let (u, w) = (-contracts.iter().copied().sum::<K>(), virtuals.iter().copied().sum::<K>());
    let sends = plan.sends();
    if sends.0 {
        sender.send("contract affine total", u);
    }
    if sends.1 {
        sender.send("contract virtual total", w);
    }
    products[plan.contracts..].iter_mut().for_each(|product| product.scale(plan.power));
    let (rho, ends) = sumcheck(&plan, products, w * plan.power - u, sender, progress)?;
    let endings = plan.endings(circuit, &rho, views).expect("the circuit is valid");
    let mut known = vec![K::ZERO; endings.distinct.len()];
    for (places, ends) in endings.of_instance.iter().zip(&ends) {
        places.iter().zip(ends).for_each(|(&place, &end)| known[place] = end);
    }
    sender.send_many("contract value", &known);
    Ok(Reduced { claims: plan.claims(u, endings, known), virtual_total: w })
}

/// All rounds; returns the point and every instance's factors there.
fn sumcheck(
    plan: &Plan<'_>,
    mut products: Vec<Product>,
    mut target: K,
    sender: &mut Sender,
    progress: &Progress,
) -> Result<(Vec<K>, Vec<Vec<K>>), Stopped> {
    let (rounds, degree) = (plan.variables(), plan.degree());
    let mut totals: Vec<K> = products.iter().map(Product::total).collect();
    let mut rho = Vec::with_capacity(rounds);
    for round in 0..rounds {
        let waits = |product: &Product| round < rounds - product.variables();
        let mut polynomial = vec![K::ZERO; degree + 1];
        for (product, &total) in products.iter().zip(&totals) {
            if waits(product) {
                product.add_waiting(total, &mut polynomial);
            } else {
                product.add_round(&mut polynomial);
            }
        }
        debug_assert_eq!(polynomial[0] + polynomial[1], target);
        sender.send("contract round", polynomial[0]);
        sender.send_many("contract round", &polynomial[2..]);
        let r = sender.draw("contract challenge");
        target =
            polynomial.iter().zip(interpolation_weights(degree + 1, r)).map(|(&value, weight)| value * weight).sum();
        let challenge = Challenge::new(r);
        let work: u64 = products.iter().filter(|product| !waits(product)).map(Product::work).sum();
        products.par_iter_mut().zip(&mut totals).for_each(|(product, total)| {
            if waits(product) {
                product.scale(K::ONE - r);
                *total *= K::ONE - r;
            } else {
                product.bind(&challenge);
            }
        });
        rho.push(r);
        progress.advance(work)?;
    }
    Ok((rho, products.iter().map(Product::ends).collect()))
}
