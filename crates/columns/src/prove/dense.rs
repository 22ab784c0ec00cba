//! A form's weights on the limbs' rows, range by range: the whole vector is never held. For forms that passed the verifier's
//! checks.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use rayon::prelude::*;
use tacit_algebra::field::{BasedVectorSpace, PrimeCharacteristicRing, PrimeField64};
use tacit_algebra::packed::{Packed, WIDTH, pack};
use tacit_algebra::{F, K};
use tacit_circuit::ColumnId;

use crate::layout::Block;
use crate::{Form, FormTerm, Layout, Weight};

/// Inner vectors have up to 2^INNER_BITS entries, and at least `WIDTH` where the block has them.
const INNER_BITS: u32 = 12;
const WIDTH_BITS: u32 = WIDTH.ilog2();

/// What is prepared for the blocks of one limb, in order of rows.
pub(crate) struct Blocks<T>(Vec<(Range<usize>, T)>);

impl<T> Blocks<T> {
    /// The blocks that meet the rows `first .. first + count`: where in these rows, from which cell of the block on, what.
    pub(crate) fn within(&self, first: usize, count: usize) -> impl Iterator<Item = (Range<usize>, usize, &T)> {
        let from = self.0.partition_point(|(rows, _)| rows.end <= first);
        let meeting = self.0[from..].iter().take_while(move |(rows, _)| rows.start < first + count);
        meeting.map(move |(rows, prepared)| {
            let start = rows.start.max(first);
            (start - first..rows.end.min(first + count) - first, start - rows.start, prepared)
        })
    }
}

/// The weights of a form on every row of every limb.
pub struct Rows(Vec<Blocks<Option<Vec<Group>>>>);

/// The weight at cell `o * width + i` of a block is the sum of `outer[o] * inner[i]` over its groups.
///
/// A block shorter than `WIDTH` has one inner element: its cells are the lanes of their rows, the other lanes are zero.
struct Group {
    outer: Vec<K>,
    inner: Inner,
}

/// Blocks with equal inner weights share one vector.
type Inner = Arc<Vec<Packed>>;

/// Says which inner vector: the address of every weight vector and the piece of it, and the lanes before a short one.
type InnerKey = (Vec<(usize, u64, u32)>, usize);

/// Every weight vector of a form, by address of its `Arc`.
type Vectors<'a> = HashMap<usize, Cow<'a, [K]>>;

impl Layout {
    /// The form's weights, ready to be added up on ranges of rows; those on whole limbs aside ([`Layout::powers_of_rows`]).
    pub fn weights(&self, form: &Form) -> Rows {
        let packed: Form = form.iter().filter(|term| term.column != self.whole().column()).cloned().collect();
        let form = joined(&packed);
        let vectors = vectors(&form);
        let mut terms: HashMap<ColumnId, Vec<&FormTerm>> = HashMap::new();
        form.iter().for_each(|term| terms.entry(term.column).or_default().push(term));
        let of = |block: &Block| terms.get(&block.column).map_or(&[][..], Vec::as_slice);
        let mut wanted: HashMap<InnerKey, (&Block, &FormTerm)> = HashMap::new();
        for block in &self.blocks {
            of(block).iter().for_each(|term| {
                wanted.entry(inner_key(block, term)).or_insert((block, term));
            });
        }
        let build = |(key, (block, term)): (InnerKey, (&Block, &FormTerm))| {
            let inner = Arc::new(inner(block, term, &vectors));
            (key, inner)
        };
        let inners: HashMap<InnerKey, Inner> = wanted.into_par_iter().map(build).collect();
        let prepare = |block: &Block| terms.get(&block.column).map(|terms| groups(block, terms, &vectors, &inners));
        Rows(self.prepared(prepare))
    }

    /// `prepare` of every block, address by address.
    pub(crate) fn prepared<T: Send>(&self, prepare: impl Fn(&Block) -> T + Sync) -> Vec<Blocks<T>> {
        let mut limbs: Vec<Vec<&Block>> = vec![Vec::new(); 1 << self.log_limbs()];
        for block in &self.blocks {
            limbs[block.address as usize].push(block);
        }
        limbs.iter_mut().for_each(|blocks| blocks.sort_by_key(|block| block.row));
        let entry = |block: &&Block| {
            let first = block.row as usize;
            (first..first + (1 << block.size_bits()), prepare(block))
        };
        limbs.par_iter().map(|blocks| Blocks(blocks.par_iter().map(entry).collect())).collect()
    }
}

impl Rows {
    /// The weights of `count` packed rows from `first` on, when they are sums of vectors that are held, times scalars: `(scalar, vector)`;
    /// none where the form has no weights.
    pub fn multiples(&self, address: usize, first: usize, count: usize) -> Option<Vec<(K, &[Packed])>> {
        let mut blocks = self.0[address].within(first, count * WIDTH);
        let Some((rows, at, groups)) = blocks.next() else {
            return Some(Vec::new());
        };
        let whole = rows.len() == count * WIDTH;
        whole.then(|| groups.iter().flatten().map(|group| group.multiple(at / WIDTH, count)).collect())?
    }

    /// Adds `scale` times the weights of the rows `first ..` of the limb at `address`. `first` is a multiple of `WIDTH`.
    pub fn add(&self, address: usize, first: usize, scale: K, rows: &mut [Packed]) {
        for (part, at, groups) in self.0[address].within(first, rows.len() * WIDTH) {
            let part = &mut rows[part.start / WIDTH..part.end.div_ceil(WIDTH)];
            groups.iter().flatten().for_each(|group| group.add(at / WIDTH, scale, part));
        }
    }
}

impl Group {
    /// The packed elements `at ..` of the block, where they are in one inner vector.
    fn multiple(&self, at: usize, count: usize) -> Option<(K, &[Packed])> {
        let (outer, inner) = (at / self.inner.len(), at % self.inner.len());
        Some((self.outer[outer], self.inner.get(inner..inner + count)?))
    }

    /// Adds `scale` times the packed elements `at ..` of the block.
    fn add(&self, mut at: usize, scale: K, mut rows: &mut [Packed]) {
        let width = self.inner.len();
        while !rows.is_empty() {
            let inner = &self.inner[at % width..];
            let inner = &inner[..inner.len().min(rows.len())];
            let outer = Packed::from(scale * self.outer[at / width]);
            let (run, rest) = rows.split_at_mut(inner.len());
            run.iter_mut().zip(inner).for_each(|(sum, &weight)| *sum += weight * outer);
            (at, rows) = (at + inner.len(), rest);
        }
    }
}

fn vectors(form: &Form) -> Vectors<'_> {
    let all = form.iter().flat_map(|term| &term.weights);
    let distinct: HashMap<usize, &Arc<Weight>> = all.map(|weight| (Arc::as_ptr(weight) as usize, weight)).collect();
    distinct.into_par_iter().map(|(address, weight)| (address, values(weight))).collect()
}

fn values(weight: &Weight) -> Cow<'_, [K]> {
    match weight {
        Weight::Dense(values) => Cow::Borrowed(values.as_slice()),
        other => Cow::Owned(other.dense()),
    }
}

/// Equal vectors have one key, and few others have it; a hash of all their words would take longer than all that is done with them.
fn key(vector: &[K]) -> u64 {
    let words = vector.iter().flat_map(|element| element.as_basis_coefficients_slice());
    let mixed = |sum: u64, word: &F| sum.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23) ^ word.as_canonical_u64();
    words.fold(vector.len() as u64, mixed)
}

/// The same weights in fewer terms: a verifier's form may have one for every window of a pooling, each with vectors of its own.
/// Equal vectors become one, and a column's terms that differ along one axis alone, the one with most vectors, become one term.
fn joined(form: &Form) -> Form {
    let vectors = vectors(form);
    let vector = |weight: &Arc<Weight>| &*vectors[&(Arc::as_ptr(weight) as usize)];
    let keys: HashMap<usize, u64> = vectors.par_iter().map(|(&address, vector)| (address, key(vector))).collect();
    let mut known: HashMap<u64, Vec<Arc<Weight>>> = HashMap::new();
    let mut ones: HashMap<usize, Arc<Weight>> = HashMap::new();
    for weight in form.iter().flat_map(|term| &term.weights) {
        let address = Arc::as_ptr(weight) as usize;
        ones.entry(address).or_insert_with(|| {
            let alike = known.entry(keys[&address]).or_default();
            let one = alike.iter().find(|other| vector(other) == vector(weight)).unwrap_or(weight).clone();
            if Arc::ptr_eq(&one, weight) {
                alike.push(one.clone());
            }
            one
        });
    }
    let mut columns: BTreeMap<ColumnId, Vec<FormTerm>> = BTreeMap::new();
    for term in form {
        let weights = term.weights.iter().map(|weight| ones[&(Arc::as_ptr(weight) as usize)].clone()).collect();
        columns.entry(term.column).or_default().push(FormTerm { weights, ..*term });
    }
    let columns: Vec<Vec<FormTerm>> = columns.into_values().collect();
    columns.into_par_iter().flat_map_iter(|terms| along_one_axis(terms, vector)).collect()
}

/// The terms of one column, joined along one axis; their vectors are equal only if they are the same.
fn along_one_axis<'a>(terms: Vec<FormTerm>, vector: impl Fn(&Arc<Weight>) -> &'a [K]) -> Vec<FormTerm> {
    let distinct =
        |axis: usize| terms.iter().map(|term| Arc::as_ptr(&term.weights[axis])).collect::<HashSet<_>>().len();
    let Some(axis) = (0..terms[0].weights.len()).max_by_key(|&axis| distinct(axis)) else {
        return terms;
    };
    let mut alike: Vec<Vec<FormTerm>> = Vec::new();
    let mut found: HashMap<Vec<*const Weight>, usize> = HashMap::new();
    for term in terms {
        let others = term.weights.iter().enumerate().filter(|(other, _)| *other != axis);
        let next = *found.entry(others.map(|(_, weight)| Arc::as_ptr(weight)).collect()).or_insert(alike.len());
        alike.resize_with(alike.len().max(next + 1), Vec::new);
        alike[next].push(term);
    }
    let join = |mut terms: Vec<FormTerm>| {
        let mut first = terms.swap_remove(0);
        if !terms.is_empty() {
            let mut sum: Vec<K> = vector(&first.weights[axis]).iter().map(|&entry| first.coefficient * entry).collect();
            for term in terms {
                sum.iter_mut()
                    .zip(vector(&term.weights[axis]))
                    .for_each(|(sum, &entry)| *sum += term.coefficient * entry);
            }
            first.weights[axis] = Arc::new(Weight::Dense(sum));
            first.coefficient = K::ONE;
        }
        first
    };
    alike.into_iter().map(join).collect()
}

/// The first of the trailing axes that together make an inner loop.
pub(crate) fn inner_axes(block: &Block) -> usize {
    let (mut cut, mut size) = (block.parts.len(), 0);
    while cut > 0 && (size < WIDTH_BITS || size + block.parts[cut - 1].1 <= INNER_BITS) {
        cut -= 1;
        size += block.parts[cut].1;
    }
    cut
}

/// The products of the weights over a product of pieces, in C order, times `scale`.
fn product(scale: K, weights: &[Arc<Weight>], parts: &[(u64, u32)], vectors: &Vectors<'_>) -> Vec<K> {
    weights.iter().zip(parts).fold(vec![scale], |table, (weight, &(start, e))| {
        let axis = &vectors[&(Arc::as_ptr(weight) as usize)][start as usize..start as usize + (1 << e)];
        let mut products = Vec::with_capacity(table.len() << e);
        products.extend(table.iter().flat_map(|&value| axis.iter().map(move |&entry| value * entry)));
        products
    })
}

fn inner_key(block: &Block, term: &FormTerm) -> InnerKey {
    let cut = inner_axes(block);
    let axis = |(weight, &(start, e)): (&Arc<Weight>, &(u64, u32))| (Arc::as_ptr(weight) as usize, start, e);
    let axes: Vec<_> = term.weights[cut..].iter().zip(&block.parts[cut..]).map(axis).collect();
    let size: u32 = axes.iter().map(|&(.., e)| e).sum();
    (axes, if size < WIDTH_BITS { block.row as usize % WIDTH } else { 0 })
}

fn inner(block: &Block, term: &FormTerm, vectors: &Vectors<'_>) -> Vec<Packed> {
    let cut = inner_axes(block);
    let mut inner = product(K::ONE, &term.weights[cut..], &block.parts[cut..], vectors);
    if inner.len() < WIDTH {
        inner.splice(..0, vec![K::ZERO; block.row as usize % WIDTH]);
    }
    pack(&inner)
}

/// Terms with the same inner vectors make one group: their outer vectors are added.
fn groups(block: &Block, terms: &[&FormTerm], vectors: &Vectors<'_>, inners: &HashMap<InnerKey, Inner>) -> Vec<Group> {
    let cut = inner_axes(block);
    let mut found: HashMap<*const Vec<Packed>, usize> = HashMap::new();
    let mut groups: Vec<Group> = Vec::new();
    for term in terms {
        let outer = product(term.coefficient, &term.weights[..cut], &block.parts[..cut], vectors);
        let inner = &inners[&inner_key(block, term)];
        match found.get(&Arc::as_ptr(inner)) {
            Some(&group) => groups[group].outer.iter_mut().zip(outer).for_each(|(sum, value)| *sum += value),
            None => {
                found.insert(Arc::as_ptr(inner), groups.len());
                groups.push(Group { outer, inner: Arc::clone(inner) });
            }
        }
    }
    groups
}
