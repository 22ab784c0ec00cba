//! What a view does to weights: from one weight per relation axis to one weight per stored axis of the column.

use std::collections::HashMap;
use std::sync::Arc;

use tacit_algebra::K;
use tacit_algebra::field::PrimeCharacteristicRing;
use tacit_algebra::multilinear::bits;
use tacit_circuit::{Map, View};

use crate::Weight;

/// A memo of the weights that views produced: equal maps of the same `Arc`s give the same `Arc`.
#[derive(Debug, Default)]
pub struct Views {
    images: HashMap<Key, Kept>,
    ones: HashMap<u64, Arc<Weight>>,
    totals: HashMap<usize, (K, Arc<Weight>)>,
}

/// A result, and the arguments: while they live, their addresses name nothing else.
#[derive(Debug)]
struct Kept {
    image: Arc<Weight>,
    _sources: Vec<Arc<Weight>>,
}

/// A map with its axes replaced by the addresses of their weights, and the stored axis' length.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Key {
    len: u64,
    rule: Positions,
    sources: Vec<usize>,
}

#[derive(Debug, PartialEq, Eq, Hash)]
enum Positions {
    Affine { offset: i64, strides: Vec<i64> },
    List(Vec<i64>),
}

impl Views {
    pub fn new() -> Self {
        Self::default()
    }

    /// The shared vector of `len` ones.
    pub fn ones(&mut self, len: u64) -> Arc<Weight> {
        Arc::clone(self.ones.entry(len).or_insert_with(|| Arc::new(Weight::Ones { len })))
    }

    /// `weight.total()`, computed once per `Arc`.
    pub fn total(&mut self, weight: &Arc<Weight>) -> K {
        let entry = self.totals.entry(Arc::as_ptr(weight) as usize);
        entry.or_insert_with(|| (weight.total(), Arc::clone(weight))).0
    }

    /// For each stored axis of a column of shape `shape` the vector `h -> sum of the products of axes' weights over the
    /// index tuples that the map sends to h`, so that `<column, result> = sum over the view's axes of weights * view`.
    ///
    /// `axes` holds one weight per relation axis (at least those that the view mentions). An identity map gives back the
    /// same `Arc`, a constant position an [`Weight::Index`]; eq weights under strides that nest stay closed forms.
    pub fn view_weights(&mut self, view: &View, shape: &[u64], axes: &[Arc<Weight>]) -> Vec<Arc<Weight>> {
        view.maps.iter().zip(shape).map(|(map, &len)| self.image(map, len, axes)).collect()
    }

    fn image(&mut self, map: &Map, len: u64, axes: &[Arc<Weight>]) -> Arc<Weight> {
        let weight_of =
            |axis: u16| axes.get(usize::from(axis)).cloned().unwrap_or_else(|| Arc::new(Weight::Ones { len: 1 }));
        let (rule, sources) = match map {
            Map::Affine { offset, terms } => {
                let sources: Vec<_> = terms.iter().map(|&(axis, _)| weight_of(axis)).collect();
                if let ([(_, 1)], [source], 0) = (terms.as_slice(), sources.as_slice(), *offset)
                    && source.len() == len
                {
                    return Arc::clone(source);
                }
                (
                    Positions::Affine { offset: *offset, strides: terms.iter().map(|&(_, stride)| stride).collect() },
                    sources,
                )
            }
            Map::List { axis, indices } => (Positions::List(indices.clone()), vec![weight_of(*axis)]),
        };
        let key = Key { len, rule, sources: sources.iter().map(|source| Arc::as_ptr(source) as usize).collect() };
        if let Some(kept) = self.images.get(&key) {
            return Arc::clone(&kept.image);
        }
        let image = Arc::new(match &key.rule {
            Positions::Affine { offset, strides } => affine(len, *offset, strides, &sources),
            Positions::List(indices) => listed(len, indices, sources.first()),
        });
        self.images.insert(key, Kept { image: Arc::clone(&image), _sources: sources });
        image
    }
}

/// Adds `value` at `position` unless that lies outside.
fn add(vector: &mut [K], position: i64, value: K) {
    if let Some(cell) = usize::try_from(position).ok().and_then(|h| vector.get_mut(h)) {
        *cell += value;
    }
}

fn listed(len: u64, indices: &[i64], source: Option<&Arc<Weight>>) -> Weight {
    let mut vector = vec![K::ZERO; len as usize];
    for (&position, value) in indices.iter().zip(source.map(|s| s.dense()).unwrap_or_default()) {
        add(&mut vector, position, value);
    }
    Weight::Dense(vector)
}

fn affine(len: u64, offset: i64, strides: &[i64], sources: &[Arc<Weight>]) -> Weight {
    let (mut offset, mut axes) = (offset, Vec::with_capacity(sources.len()));
    for (&stride, source) in strides.iter().zip(sources) {
        match source.as_ref() {
            Weight::Index { index, len: d } if index >= d => {
                return Weight::Index { index: len, len };
            }
            Weight::Index { index, .. } => offset = offset.wrapping_add(stride.wrapping_mul(*index as i64)),
            Weight::Ones { len: 1 } | Weight::Eq { len: 1, .. } => {}
            other => axes.push((stride, other)),
        }
    }
    if axes.is_empty() {
        return Weight::Index { index: u64::try_from(offset).map_or(len, |index| index.min(len)), len };
    }
    if covers(len, offset, &axes) {
        return Weight::Ones { len };
    }
    nested(len, offset, &axes).unwrap_or_else(|| scatter(len, offset, &axes))
}

/// Whether all weights are ones and the map sends exactly one index tuple to each position.
fn covers(len: u64, offset: i64, axes: &[(i64, &Weight)]) -> bool {
    let mut order: Vec<_> = axes.iter().map(|&(stride, weight)| (stride, weight)).collect();
    order.sort_by_key(|&(stride, _)| stride);
    let mut reach = Some(1i64);
    for (stride, weight) in order {
        if !matches!(weight, Weight::Ones { .. }) || reach != Some(stride) {
            return false;
        }
        reach = i64::try_from(weight.len()).ok().and_then(|d| stride.checked_mul(d));
    }
    offset == 0 && reach.is_some_and(|reach| reach as u64 >= len)
}

/// Eq weights whose axes occupy disjoint binary digits of the position give one eq weight: the points are concatenated,
/// digits that no axis occupies are those of the offset. An axis whose length is no power of two must not have a digit
/// string beyond its length that stays below `len`.
fn nested(len: u64, offset: i64, axes: &[(i64, &Weight)]) -> Option<Weight> {
    let digits = bits(len);
    let offset = u64::try_from(offset).ok().filter(|&offset| bits(offset.saturating_add(1)) <= digits)?;
    // Coordinate of digit b (least significant first).
    let mut coordinates: Vec<Option<K>> = vec![None; digits];
    for &(stride, weight) in axes {
        let Weight::Eq { point, len: d } = weight else {
            return None;
        };
        let stride = u64::try_from(stride).ok().filter(|stride| stride.is_power_of_two())?;
        if !d.is_power_of_two() && d.checked_mul(stride).is_some_and(|end| end < len) {
            return None;
        }
        for (b, &r) in point.iter().rev().enumerate() {
            let digit = b.saturating_add(stride.trailing_zeros() as usize);
            let slot = coordinates.get_mut(digit)?;
            if slot.is_some() || offset.checked_shr(digit as u32).unwrap_or(0) & 1 == 1 {
                return None;
            }
            *slot = Some(r);
        }
    }
    let fixed = |b: usize| {
        if offset.checked_shr(b as u32).unwrap_or(0) & 1 == 1 { K::ONE } else { K::ZERO }
    };
    let point = coordinates.iter().enumerate().map(|(b, slot)| slot.unwrap_or_else(|| fixed(b))).rev().collect();
    Some(Weight::Eq { point, len })
}

/// Every index tuple's product, added where the tuple is sent.
fn scatter(len: u64, offset: i64, axes: &[(i64, &Weight)]) -> Weight {
    let mut vector = vec![K::ZERO; len as usize];
    // The longest axis last: the tuples of the others are kept.
    let mut axes = axes.to_vec();
    axes.sort_by_key(|(_, weight)| weight.len());
    let Some((&(last_stride, last), outer)) = axes.split_last() else {
        return Weight::Dense(vector);
    };
    let mut tuples = vec![(offset, K::ONE)];
    for &(stride, weight) in outer {
        let entries = weight.dense();
        let extend = |&(position, product): &(i64, K)| {
            let at = move |i: i64| position.wrapping_add(stride.wrapping_mul(i));
            entries.iter().zip(0i64..).map(move |(&entry, i)| (at(i), product * entry)).collect::<Vec<_>>()
        };
        tuples = tuples.iter().flat_map(extend).collect();
    }
    let entries = last.dense();
    for (position, product) in tuples {
        for (&entry, i) in entries.iter().zip(0i64..) {
            add(&mut vector, position.wrapping_add(last_stride.wrapping_mul(i)), product * entry);
        }
    }
    Weight::Dense(vector)
}
