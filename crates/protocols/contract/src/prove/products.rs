//! From columns to the sumcheck's first state: every distinct factor is folded once.

use std::collections::HashMap;
use std::slice::from_ref;
use std::sync::Arc;

use rayon::prelude::*;
use tacit_algebra::K;
use tacit_algebra::multilinear::bits;
use tacit_algebra::progress::{Progress, Stopped};
use tacit_circuit::{Circuit, Columns, View, with_cells};

use super::factor::table;
use super::rounds::Product;
use super::step::{Role, Step, steps};
use super::table::Table;
use crate::plan::{Instance, Plan, occurrences};

/// Factors with the same key have the same table.
#[derive(PartialEq, Eq, Hash)]
struct Key<'a> {
    view: &'a View,
    /// Private axes with the addresses of their weights.
    private: Vec<(usize, usize)>,
    /// Shared axes with their lengths.
    shared: Vec<(usize, u64)>,
}

impl<'a> Key<'a> {
    fn new(view: &'a View, instance: &Instance<'_>) -> Self {
        let feeds = |axis: usize| occurrences(from_ref(view), axis) > 0;
        let shared: Vec<(usize, u64)> =
            instance.shared.iter().map(|shared| (shared.axis, shared.len)).filter(|&(axis, _)| feeds(axis)).collect();
        let private = instance.weights.iter().enumerate();
        let private = private.filter(|&(axis, _)| feeds(axis) && !shared.iter().any(|&(other, _)| other == axis));
        Self { view, private: private.map(|(axis, weight)| (axis, Arc::as_ptr(weight) as usize)).collect(), shared }
    }
}

/// All instances before the first round, in the plan's order, with the plan's scales (without its power).
pub fn products(
    circuit: &Circuit,
    values: &dyn Columns,
    plan: &Plan<'_>,
    progress: &Progress,
) -> Result<Vec<Product>, Stopped> {
    let mut known: HashMap<Key<'_>, usize> = HashMap::new();
    let mut jobs: Vec<(&Instance<'_>, &View)> = Vec::new();
    let mut places: Vec<Vec<usize>> = Vec::new();
    for instance in &plan.instances {
        let mut place = |view| {
            *known.entry(Key::new(view, instance)).or_insert_with(|| {
                jobs.push((instance, view));
                jobs.len() - 1
            })
        };
        places.push(instance.factors.iter().map(&mut place).collect());
    }
    let cells = |view: &View| values.cells(view.column as usize);
    progress.expect(jobs.iter().map(|(_, view)| cells(view).len() as u64).sum());
    let fold = |&(instance, view): &(&Instance<'_>, &View)| {
        let order: Vec<usize> = instance.shared.iter().map(|shared| shared.axis).collect();
        let steps = view_steps(circuit, instance, view);
        let data = with_cells!(cells(view), cells => table(cells, &steps, &order));
        progress.advance(cells(view).len() as u64)?;
        Ok(data)
    };
    let mut tables: Vec<Vec<K>> = jobs.par_iter().with_max_len(1).map(fold).collect::<Result<_, Stopped>>()?;
    let mut uses = vec![0usize; tables.len()];
    places.iter().flatten().for_each(|&place| uses[place] += 1);
    let mut out = Vec::with_capacity(plan.instances.len());
    let mut inputs: Vec<Vec<Table>> = Vec::with_capacity(plan.instances.len());
    for (instance, places) in plan.instances.iter().zip(&places) {
        let mut take = |(&place, view): (&usize, &View)| {
            uses[place] -= 1;
            let data = if uses[place] == 0 { std::mem::take(&mut tables[place]) } else { tables[place].clone() };
            Table::new(data, present(instance, view))
        };
        inputs.push(places.iter().zip(instance.factors).map(&mut take).collect());
    }
    let first =
        |(instance, tables): (&Instance<'_>, Vec<Table>)| Product::new(instance.scale, coordinates(instance), tables);
    plan.instances.par_iter().zip(inputs).map(first).collect_into_vec(&mut out);
    progress.expect(out.iter().map(|product| 2 * product.work()).sum());
    Ok(out)
}

fn view_steps(circuit: &Circuit, instance: &Instance<'_>, view: &View) -> Vec<Step> {
    let role = |axis: usize| match instance.shared.iter().any(|shared| shared.axis == axis) {
        true => Role::Shared,
        false => Role::Private(Arc::clone(&instance.weights[axis])),
    };
    let shape = &circuit.columns[view.column as usize].shape;
    view.maps.iter().zip(shape).flat_map(|(map, &length)| steps(map, length as usize, instance.axes, role)).collect()
}

/// For every sumcheck variable whether the factor depends on it.
fn present(instance: &Instance<'_>, view: &View) -> Vec<bool> {
    let run = |feeds: bool, len: u64| std::iter::repeat_n(feeds, bits(len));
    instance.shared.iter().flat_map(|shared| run(occurrences(from_ref(view), shared.axis) > 0, shared.len)).collect()
}

/// For every sumcheck variable the coordinate of its output axis' point.
fn coordinates(instance: &Instance<'_>) -> Vec<Option<K>> {
    let of = |len: u64, point: &Option<Vec<K>>| match point {
        Some(point) => point.iter().map(|&r| Some(r)).collect(),
        None => vec![None; bits(len)],
    };
    instance.shared.iter().flat_map(|shared| of(shared.len, &shared.point)).collect()
}
