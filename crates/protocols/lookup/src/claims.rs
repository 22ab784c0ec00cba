//! What the tree leaves: N and E at the last point, as linear forms on columns.

use std::collections::BTreeMap;
use std::sync::Arc;

use tacit_algebra::field::PrimeCharacteristicRing;
use tacit_algebra::multilinear::{bits, eq_index};
use tacit_algebra::{K, integer};
use tacit_circuit::{Circuit, Lookup, Segment};
use tacit_columns::{Claim, Form, FormTerm, Views, Weight, Weighted, linear_form, rule_value, virtual_terms};
use tacit_transcript::{Invalid, Value};

use crate::regions::{Kind, Region, Regions};

/// The end of the reduction. All of it must be discharged: the two claims by the opening, the products by contract.
#[must_use]
#[derive(Debug, Clone)]
pub struct Reduced<'a, V> {
    /// `N(rho)`: lookups' ones and counts.
    pub numerators: Claim<V>,
    /// `E(rho)` without the product terms of virtual columns, whose total is to be subtracted from the value.
    pub fingerprints: Claim<V>,
    /// Definitions of virtual columns with product terms (two or three factors), weighted at rho; only these terms count.
    pub virtuals: Vec<Weighted<'a>>,
}

/// `E = alpha - beta_0 tag - sum_j beta_{j+1} z_j - 1`.
#[derive(Debug, Clone)]
pub(crate) struct Fingerprint {
    pub alpha: K,
    pub betas: Vec<K>,
}

impl Fingerprint {
    /// E without the components.
    pub fn base(&self, tag: u64) -> K {
        let tag = integer(i64::try_from(tag).unwrap_or(i64::MAX));
        self.alpha - self.betas.first().copied().unwrap_or(K::ZERO) * tag - K::ONE
    }

    /// The challenges of the components.
    pub fn components(&self) -> &[K] {
        self.betas.get(1..).unwrap_or(&[])
    }
}

/// Where the last level's sumcheck ended: `N(point)` and `E(point)` are claimed.
pub(crate) struct End<V> {
    pub point: Vec<K>,
    pub numerator: V,
    pub fingerprint: V,
}

/// One side of the claim while it is collected: `form(columns) + constant`.
#[derive(Default)]
struct Side {
    form: Form,
    constant: K,
}

struct Collector<'a, 'b> {
    circuit: &'a Circuit,
    views: &'b mut Views,
    fingerprint: &'b Fingerprint,
    point: &'b [K],
    /// Equal vectors are shared: by first digit and length.
    axes: BTreeMap<(usize, u64), Arc<Weight>>,
    numerators: Side,
    fingerprints: Side,
    virtuals: Vec<Weighted<'a>>,
}

/// `N(rho) = sum_lookups sel LT - sum_segments sel <eq, counts>` and
/// `E(rho) = sum_regions sel ((alpha - 1 - beta_0 tag) LT - sum_j beta_j <eq, component j>)`, where `sel = eq(rho_high, offset)` and
/// `LT` is the product of `LT_d(rho_axis)`.
pub(crate) fn conclude<'a, V: Value>(
    circuit: &'a Circuit,
    regions: &Regions<'a>,
    fingerprint: &Fingerprint,
    end: End<V>,
    views: &mut Views,
) -> Result<Reduced<'a, V>, Invalid> {
    let mut collector = Collector {
        circuit,
        views,
        fingerprint,
        point: &end.point,
        axes: BTreeMap::new(),
        numerators: Side::default(),
        fingerprints: Side::default(),
        virtuals: Vec::new(),
    };
    for region in &regions.list {
        collector.region(region)?;
    }
    let Collector { numerators, fingerprints, virtuals, .. } = collector;
    let claim = |side: Side, value: V| Claim { form: side.form, value: value - V::from(side.constant) };
    Ok(Reduced {
        numerators: claim(numerators, end.numerator),
        fingerprints: claim(fingerprints, end.fingerprint),
        virtuals,
    })
}

impl<'a> Collector<'a, '_> {
    fn region(&mut self, region: &Region<'a>) -> Result<(), Invalid> {
        let short = Invalid::Circuit("a region exceeds the tree");
        let first = self.point.len().checked_sub(region.size).ok_or(short.clone())?;
        let (high, _) = self.point.split_at_checked(first).ok_or(short)?;
        let selector = eq_index(high, region.offset >> region.size);
        let weights = self.axis_weights(first, region.axes);
        let whole = weights.iter().fold(selector, |product, weight| product * weight.total());
        self.fingerprints.constant += whole * self.fingerprint.base(region.tag);
        match region.kind {
            Kind::Lookup(lookup) => {
                self.numerators.constant += whole;
                self.components(lookup, &weights, selector);
            }
            Kind::Segment(segment) => self.segment(segment, weights, selector),
        }
        Ok(())
    }

    fn axis_weights(&mut self, first: usize, axes: &[u64]) -> Vec<Arc<Weight>> {
        let (mut at, mut weights) = (first, Vec::with_capacity(axes.len()));
        for &len in axes {
            let digits = bits(len);
            let point = || self.point.iter().skip(at).take(digits).copied().collect();
            let weight = self.axes.entry((at, len)).or_insert_with(|| Arc::new(Weight::Eq { point: point(), len }));
            weights.push(Arc::clone(weight));
            at = at.saturating_add(digits);
        }
        weights
    }

    fn components(&mut self, lookup: &'a Lookup, weights: &[Arc<Weight>], selector: K) {
        for (component, &beta) in lookup.components.iter().zip(self.fingerprint.components()) {
            let weighted = Weighted { sum: component, weights: weights.to_vec(), scale: -(selector * beta) };
            let (form, constant) = linear_form(&weighted, self.circuit, self.views);
            self.fingerprints.form.extend(form);
            self.fingerprints.constant += constant;
            let products = virtual_terms(&weighted, self.circuit).into_iter();
            self.virtuals.extend(products.filter(|w| w.sum.terms.iter().any(|term| term.factors.len() > 1)));
        }
    }

    fn segment(&mut self, segment: &Segment, weights: Vec<Arc<Weight>>, selector: K) {
        let Some(weight) = weights.first() else {
            return;
        };
        for (rule, &beta) in segment.rules.iter().zip(self.fingerprint.components()) {
            self.fingerprints.constant -= selector * beta * rule_value(rule, weight, segment.entries);
        }
        self.numerators.form.push(FormTerm { coefficient: -selector, column: segment.count, weights });
    }
}
