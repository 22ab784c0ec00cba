//! What prover and verifier share: instances, the affine form, the order of everything.

use std::collections::HashMap;
use std::sync::Arc;

use tacit_algebra::field::PrimeCharacteristicRing;
use tacit_algebra::multilinear::{bits, eq};
use tacit_algebra::{K, lift};
use tacit_circuit::{Circuit, ColumnId, Map, Sum, View};
use tacit_columns::{Claim, Form, FormTerm, Views, Weight, Weighted, linear_form};
use tacit_transcript::Invalid;

/// More variables than any tensor that fits a memory.
const MOST_VARIABLES: usize = 64;

/// An axis that occurs in two or three factors: a run of sumcheck variables.
#[derive(Debug)]
pub struct Shared {
    pub axis: usize,
    pub len: u64,
    /// The point of an output axis; `None` for a summed one.
    pub point: Option<Vec<K>>,
}

/// One term with two or three factors.
#[derive(Debug)]
pub struct Instance<'a> {
    /// Coefficient, relation's power of gamma, totals of output axes that no factor has.
    pub scale: K,
    pub factors: &'a [View],
    /// Lengths of the relation's axes.
    pub axes: &'a [u64],
    /// One weight per relation axis: what a private axis is folded with.
    pub weights: Vec<Arc<Weight>>,
    pub shared: Vec<Shared>,
}

/// The reduction, up to the prover's messages.
#[derive(Debug)]
pub struct Plan<'a> {
    /// Instances of contracts first, those of virtual sums after them.
    pub instances: Vec<Instance<'a>>,
    pub contracts: usize,
    /// `gamma^R`: what instances of virtual sums are multiplied by.
    pub power: K,
    /// Form and constant of the contracts' affine parts; `None` without contracts.
    affine: Option<(Form, K)>,
}

/// A distinct factor at the end of the sumcheck.
pub type Ending = (ColumnId, Vec<Arc<Weight>>);

/// The distinct factors, and for every instance the positions of its factors among them.
pub struct Endings {
    pub distinct: Vec<Ending>,
    pub of_instance: Vec<Vec<usize>>,
}

impl Instance<'_> {
    pub fn variables(&self) -> usize {
        self.shared.iter().map(|shared| bits(shared.len)).sum()
    }

    pub fn degree(&self) -> usize {
        let has_point = self.shared.iter().any(|shared| shared.point.is_some());
        self.factors.len().saturating_add(usize::from(has_point))
    }

    /// `eq` of all shared output axes at the instance's coordinates.
    pub fn eq(&self, coordinates: &[K]) -> K {
        let (mut rest, mut product) = (coordinates, K::ONE);
        for shared in &self.shared {
            let (here, after) = rest.split_at_checked(bits(shared.len)).unwrap_or((rest, &[]));
            if let Some(point) = &shared.point {
                product *= eq(point, here);
            }
            rest = after;
        }
        product
    }
}

/// How many of the factors an axis feeds.
pub fn occurrences(factors: &[View], axis: usize) -> usize {
    let feeds = |map: &Map| match map {
        Map::Affine { terms, .. } => terms.iter().any(|&(a, _)| usize::from(a) == axis),
        Map::List { axis: a, .. } => usize::from(*a) == axis,
    };
    factors.iter().filter(|view| view.maps.iter().any(feeds)).count()
}

/// Draws the points of the contracts' output axes: one per position, as long as its longest axis needs.
fn draw_weights(circuit: &Circuit, draw: &mut dyn FnMut(&'static str) -> K) -> Vec<Vec<Arc<Weight>>> {
    let mut depths: Vec<usize> = Vec::new();
    for contract in &circuit.contracts {
        let axes = contract.zero.output_axes();
        depths.resize(depths.len().max(axes.len()), 0);
        depths.iter_mut().zip(axes).for_each(|(depth, &len)| *depth = bits(len).max(*depth));
    }
    let mut points: Vec<Vec<K>> = Vec::with_capacity(depths.len());
    for depth in depths {
        points.push((0..depth).map(|_| draw("contract point")).collect());
    }
    let mut cache: HashMap<(usize, u64), Arc<Weight>> = HashMap::new();
    let mut weight = |slot: usize, point: &[K], len: u64| {
        let fresh = || Arc::new(Weight::Eq { point: point.iter().take(bits(len)).copied().collect(), len });
        Arc::clone(cache.entry((slot, len)).or_insert_with(fresh))
    };
    let mut of = |sum: &Sum| -> Vec<Arc<Weight>> {
        let axes = sum.output_axes().iter().zip(&points).enumerate();
        axes.map(|(slot, (&len, point))| weight(slot, point, len)).collect()
    };
    circuit.contracts.iter().map(|contract| of(&contract.zero)).collect()
}

/// Appends one instance for every term with two or three factors.
fn add_instances<'a>(
    weighted: &Weighted<'a>,
    views: &mut Views,
    instances: &mut Vec<Instance<'a>>,
) -> Result<(), Invalid> {
    let sum: &'a Sum = weighted.sum;
    let outputs = weighted.weights.len();
    let fits = |(weight, &len): (&Arc<Weight>, &u64)| weight.len() == len;
    if outputs != sum.output_axes().len() || !weighted.weights.iter().zip(&sum.axes).all(fits) {
        return Err(Invalid::Circuit("weights do not fit the output axes of a sum"));
    }
    let mut weights = weighted.weights.clone();
    weights.extend(sum.axes.iter().skip(outputs).map(|&len| views.ones(len)));
    for term in sum.terms.iter().filter(|term| term.factors.len() > 1) {
        if term.factors.len() > 3 {
            return Err(Invalid::Circuit("a term has more than three factors"));
        }
        let mut scale = weighted.scale * lift(term.coefficient);
        let mut shared = Vec::new();
        for (axis, (&len, weight)) in sum.axes.iter().zip(&weights).enumerate() {
            match (occurrences(&term.factors, axis), weight.as_ref()) {
                (0, _) if axis < outputs => scale *= views.total(weight),
                (0 | 1, _) => {}
                (_, _) if axis >= outputs => shared.push(Shared { axis, len, point: None }),
                (_, Weight::Eq { point, .. }) if point.len() == bits(len) => {
                    shared.push(Shared { axis, len, point: Some(point.clone()) });
                }
                _ => {
                    return Err(Invalid::Circuit("a shared output axis has a weight that is not eq"));
                }
            }
        }
        let instance = Instance { scale, factors: &term.factors, axes: &sum.axes, weights: weights.clone(), shared };
        if instance.variables() > MOST_VARIABLES {
            return Err(Invalid::Circuit("a term has too many shared cells"));
        }
        instances.push(instance);
    }
    Ok(())
}

impl<'a> Plan<'a> {
    /// Draws the contracts' points and gamma, in this order; draws nothing when there is nothing to reduce.
    pub fn new(
        circuit: &'a Circuit,
        virtuals: &[Weighted<'a>],
        views: &mut Views,
        draw: &mut dyn FnMut(&'static str) -> K,
    ) -> Result<Self, Invalid> {
        let mut plan = Self { instances: Vec::new(), contracts: 0, power: K::ONE, affine: None };
        if circuit.contracts.is_empty() && virtuals.is_empty() {
            return Ok(plan);
        }
        let weights = draw_weights(circuit, draw);
        let gamma = draw("contract batch");
        for (contract, weights) in circuit.contracts.iter().zip(weights) {
            let weighted = Weighted { sum: &contract.zero, weights, scale: plan.power };
            let (form, constant) = linear_form(&weighted, circuit, views);
            let (all, total) = plan.affine.get_or_insert_with(|| (Form::new(), K::ZERO));
            all.extend(form);
            *total += constant;
            add_instances(&weighted, views, &mut plan.instances)?;
            plan.power *= gamma;
        }
        plan.contracts = plan.instances.len();
        for weighted in virtuals {
            add_instances(weighted, views, &mut plan.instances)?;
        }
        Ok(plan)
    }

    /// Instances with what multiplies their sum in the batched claim.
    pub fn scaled(&self) -> impl Iterator<Item = (&Instance<'a>, K)> {
        let power = |i: usize| {
            if i < self.contracts { K::ONE } else { self.power }
        };
        self.instances.iter().enumerate().map(move |(i, instance)| (instance, instance.scale * power(i)))
    }

    /// Whether the prover sends `u`, and whether it sends `w`.
    pub fn sends(&self) -> (bool, bool) {
        (self.contracts > 0, self.instances.len() > self.contracts)
    }

    /// Rounds of the sumcheck.
    pub fn variables(&self) -> usize {
        self.instances.iter().map(Instance::variables).max().unwrap_or(0)
    }

    /// Degree of the round polynomials.
    pub fn degree(&self) -> usize {
        self.instances.iter().map(Instance::degree).max().unwrap_or(0)
    }

    /// The factors at the sumcheck's point, deduplicated by column and weights.
    pub fn endings(&self, circuit: &Circuit, rho: &[K], views: &mut Views) -> Result<Endings, Invalid> {
        let mut runs: HashMap<(usize, u64), Arc<Weight>> = HashMap::new();
        let mut known: HashMap<(ColumnId, Vec<usize>), usize> = HashMap::new();
        let mut endings = Endings { distinct: Vec::new(), of_instance: Vec::with_capacity(self.instances.len()) };
        for instance in &self.instances {
            let mut weights = instance.weights.clone();
            let mut from = rho.len().saturating_sub(instance.variables());
            for shared in &instance.shared {
                let count = bits(shared.len);
                let point = || rho.iter().skip(from).take(count).copied().collect();
                let fresh = || Arc::new(Weight::Eq { point: point(), len: shared.len });
                let run = runs.entry((from, shared.len)).or_insert_with(fresh);
                if let Some(weight) = weights.get_mut(shared.axis) {
                    *weight = Arc::clone(run);
                }
                from = from.saturating_add(count);
            }
            let mut places = Vec::with_capacity(instance.factors.len());
            for view in instance.factors {
                let column = circuit.columns.get(view.column as usize);
                let column = column.ok_or(Invalid::Circuit("a view names no column"))?;
                let image = views.view_weights(view, &column.shape, &weights);
                let addresses = image.iter().map(|weight| Arc::as_ptr(weight) as usize).collect();
                let place = *known.entry((view.column, addresses)).or_insert(endings.distinct.len());
                if place == endings.distinct.len() {
                    endings.distinct.push((view.column, image));
                }
                places.push(place);
            }
            endings.of_instance.push(places);
        }
        Ok(endings)
    }

    /// The claims that the reduction ends with. `u` is the affine parts' total, `values` those of `endings.distinct`.
    pub fn claims<V>(self, u: V, endings: Endings, values: Vec<V>) -> Vec<Claim<V>>
    where
        V: tacit_transcript::Value,
    {
        let affine = self.affine.map(|(form, constant)| Claim { form, value: u - V::from(constant) });
        let single =
            |((column, weights), value)| Claim { form: vec![FormTerm { coefficient: K::ONE, column, weights }], value };
        affine.into_iter().chain(endings.distinct.into_iter().zip(values).map(single)).collect()
    }
}
