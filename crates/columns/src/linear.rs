//! The affine part of a weighted sum, as a linear form on columns.

use std::sync::Arc;

use tacit_algebra::field::PrimeCharacteristicRing;
use tacit_algebra::{K, lift};
use tacit_circuit::{Circuit, Home, Map, Sum, Term, View};

use crate::{Form, FormTerm, Views, Weight, Weighted};

/// The terms of `weighted.sum` with at most one factor: `(form, constant)` with
/// `form(columns) + constant = scale * sum_o weights(o) * (those terms)[o]`.
///
/// An output axis that a term lacks contributes its weight's total; a summed axis gets ones. Public columns stay in the form.
/// A factor on a virtual column is replaced by its definition's terms with at most one factor (its product terms are
/// what [`virtual_terms`] hands over). Terms with two or more factors are ignored.
pub fn linear_form(weighted: &Weighted<'_>, circuit: &Circuit, views: &mut Views) -> (Form, K) {
    let (mut form, mut constant) = (Form::new(), K::ZERO);
    collect(weighted, circuit, views, &mut form, &mut constant);
    for definition in virtual_terms(weighted, circuit) {
        collect(&definition, circuit, views, &mut form, &mut constant);
    }
    (form, constant)
}

/// One [`Weighted`] for every term of `weighted.sum` whose single factor is a virtual column: its definition under the
/// same weights, scaled by the term's coefficient.
pub fn virtual_terms<'a>(weighted: &Weighted<'_>, circuit: &'a Circuit) -> Vec<Weighted<'a>> {
    let expand = |term: &Term| {
        let [view] = term.factors.as_slice() else {
            return None;
        };
        let sum = definition(circuit, view)?;
        let scale = weighted.scale * lift(term.coefficient);
        Some(Weighted { sum, weights: weighted.weights.clone(), scale })
    };
    weighted.sum.terms.iter().filter_map(expand).collect()
}

fn definition<'a>(circuit: &'a Circuit, view: &View) -> Option<&'a Sum> {
    match &circuit.columns.get(view.column as usize)?.home {
        Home::Virtual(sum) => Some(sum),
        _ => None,
    }
}

/// Adds the terms with at most one factor, on columns that are not virtual.
fn collect(weighted: &Weighted<'_>, circuit: &Circuit, views: &mut Views, form: &mut Form, constant: &mut K) {
    let sum = weighted.sum;
    let outputs = weighted.weights.len();
    let mut axes: Vec<Arc<Weight>> = weighted.weights.clone();
    axes.extend(sum.axes.iter().skip(outputs).map(|&len| views.ones(len)));
    let totals: Vec<K> = weighted.weights.iter().map(|weight| views.total(weight)).collect();
    for term in &sum.terms {
        let view = match term.factors.as_slice() {
            [] => None,
            [view] => Some(view),
            _ => continue,
        };
        let absent = |a: usize| view.is_none_or(|view| !mentions(view, a));
        let scale =
            totals.iter().enumerate().filter(|(a, _)| absent(*a)).fold(weighted.scale, |product, (_, &t)| product * t);
        let coefficient = scale * lift(term.coefficient);
        let Some(view) = view else {
            *constant += coefficient;
            continue;
        };
        let Some(column) = circuit.columns.get(view.column as usize) else {
            continue;
        };
        if matches!(column.home, Home::Virtual(_)) {
            continue;
        }
        let weights = views.view_weights(view, &column.shape, &axes);
        form.push(FormTerm { coefficient, column: view.column, weights });
    }
}

/// Whether a relation axis feeds one of the view's maps.
pub(crate) fn mentions(view: &View, axis: usize) -> bool {
    view.maps.iter().any(|map| match map {
        Map::Affine { terms, .. } => terms.iter().any(|&(a, _)| usize::from(a) == axis),
        Map::List { axis: a, .. } => usize::from(*a) == axis,
    })
}
