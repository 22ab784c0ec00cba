//! The prover of the opening; step names as in README.md.

#![allow(clippy::indexing_slicing)]

use p3_field::{BasedVectorSpace, PackedFieldExtension, PackedValue, PrimeCharacteristicRing};
use rayon::prelude::*;
use tacit_algebra::multilinear::bits;
use tacit_algebra::progress::{Progress, Stopped};
use tacit_algebra::{F, K};
use tacit_transcript::{Digest, Sender};

use crate::encode::{Codeword, Commitment};
use crate::schedule::{Schedule, Shape, bind};
use crate::sumcheck::{LANES, Message, PackedF, PackedK, Sumcheck, lanes_sum, pack};

/// Packed elements that one task of the first round handles.
const CHUNK: usize = 1 << 9;

/// Proves `<weights, limbs> = value` over all limbs of all commitments.
///
/// `weights` holds `(address, 2^log_rows weights)` of every limb that has any; addresses are distinct, an absent one means
/// zeros. The caller has absorbed everything that defines the form. The proof of a wrong `value` is refused.
///
/// # Errors
/// [`Stopped`] when `progress` asks for it.
///
/// # Panics
/// When shape, commitments, weights and schedule do not fit together.
pub fn open(
    schedule: &Schedule,
    commitments: &[&Commitment],
    shape: &Shape,
    weights: Vec<(u64, Vec<K>)>,
    value: K,
    sender: &mut Sender,
    progress: &Progress,
) -> Result<(), Stopped> {
    assert!(shape.check().is_ok(), "the shape is valid");
    assert!(
        commitments.iter().map(|c| c.limbs.len()).eq(shape.widths.iter().copied()),
        "the shape fits the commitments"
    );
    let units = 1u64 << (shape.log_limbs() + schedule.log_rows());
    progress.expect(2 * units);
    let roots: Vec<Digest> = commitments.iter().map(|commitment| commitment.root()).collect();
    bind(&mut sender.transcript, schedule, shape, &roots, value);

    let mut state = Slots::new(schedule, commitments, shape, weights).join(shape.log_limbs(), sender);
    progress.advance(units)?;

    let mut oracle: Option<Codeword> = None;
    for (i, &fold) in (1..).zip(schedule.folds()) {
        let next = commit_blocks(schedule, i, fold, &state);
        sender.send_bytes("opening: oracle", &next.root());
        let z = sender.draw("opening: out of domain");
        sender.send("opening: out of domain", state.univariate(z));
        let positions = answer(schedule, i - 1, &trees(commitments, &oracle), sender);
        let zeta = sender.draw("opening: combine");
        let mut coefficients = zeta.powers().skip(1);
        let out_of_domain = (z, coefficients.next().unwrap_or(K::ZERO));
        let points = positions.iter().map(|&position| schedule.point(i - 1, position)).zip(coefficients);
        state.add_powers(out_of_domain, &points.collect::<Vec<_>>());
        state = state.run(fold, |message| exchange(sender, message));
        oracle = Some(next);
        progress.advance(units >> bits(schedule.folds().len() as u64 + 1))?;
    }
    sender.send_many("opening: final", &state.vector());
    answer(schedule, schedule.folds().len(), &trees(commitments, &oracle), sender);
    state.run(schedule.log_final(), |message| exchange(sender, message));
    progress.advance(units >> bits(schedule.folds().len() as u64 + 1))
}

fn exchange(sender: &mut Sender, (constant, leading): Message) -> K {
    sender.send_many("opening: round", &[constant, leading]);
    sender.draw("opening: fold")
}

/// Oracle i: the contiguous blocks of the vector as columns of K, so `3 2^fold` columns of F.
fn commit_blocks(schedule: &Schedule, i: usize, fold: usize, state: &Sumcheck) -> Codeword {
    let block = state.len() >> fold;
    Codeword::new(schedule, i, 3 << fold, |first, rows| {
        for (row, cells) in (first..).zip(rows.chunks_exact_mut(3 << fold)) {
            for (column, cells) in cells.chunks_exact_mut(3).enumerate() {
                cells.copy_from_slice(state.element(column * block + row).as_basis_coefficients_slice());
            }
        }
    })
}

/// The trees of the latest oracle.
fn trees<'a>(commitments: &[&'a Commitment], oracle: &'a Option<Codeword>) -> Vec<&'a Codeword> {
    match oracle {
        Some(oracle) => vec![oracle],
        None => commitments.iter().map(|commitment| &commitment.codeword).collect(),
    }
}

/// Opens the queried rows of every tree of oracle i; returns the positions.
fn answer(schedule: &Schedule, i: usize, trees: &[&Codeword], sender: &mut Sender) -> Vec<u64> {
    let positions = sender.transcript.positions("opening: queries", schedule.log_domain(i), schedule.count(i));
    let rows: Vec<u8> =
        positions.iter().flat_map(|&position| trees.iter().flat_map(move |tree| tree.row(position))).collect();
    sender.send_bytes("opening: rows", &rows);
    for tree in trees {
        sender.attach(&tree.siblings(&positions).concat());
    }
    positions
}

/// Limbs (elements of F) and weights (elements of K) by address, before the first round.
struct Slots<'a> {
    limbs: Vec<Option<&'a [F]>>,
    weights: Vec<Option<Vec<K>>>,
    rows: usize,
}

impl<'a> Slots<'a> {
    fn new(schedule: &Schedule, commitments: &[&'a Commitment], shape: &Shape, weights: Vec<(u64, Vec<K>)>) -> Self {
        let rows = 1 << schedule.log_rows();
        let mut limbs = vec![None; 1 << shape.log_limbs()];
        let mut slots = vec![None; 1 << shape.log_limbs()];
        let all = commitments.iter().flat_map(|commitment| &commitment.limbs);
        for (&address, limb) in shape.addresses.iter().zip(all) {
            limbs[address as usize] = Some(limb.as_slice());
        }
        for (address, weight) in weights {
            assert!(weight.len() == rows && slots[address as usize].is_none(), "a limb has one weight per row");
            slots[address as usize] = Some(weight);
        }
        Self { limbs, weights: slots, rows }
    }

    /// The first `log_limbs` rounds.
    fn join(self, log_limbs: usize, sender: &mut Sender) -> Sumcheck {
        if self.rows < LANES || log_limbs == 0 {
            return self.dense().run(log_limbs, |message| exchange(sender, message));
        }
        let at = exchange(sender, self.message());
        self.fold(at).run(log_limbs - 1, |message| exchange(sender, message))
    }

    fn dense(&self) -> Sumcheck {
        let zeros = (F::zero_vec(self.rows), K::zero_vec(self.rows));
        let vector: Vec<K> =
            self.limbs.iter().flat_map(|limb| limb.unwrap_or(&zeros.0)).map(|&cell| K::from(cell)).collect();
        let weight: Vec<K> =
            self.weights.iter().flat_map(|weight| weight.as_ref().unwrap_or(&zeros.1)).copied().collect();
        if vector.len() < LANES {
            Sumcheck::plain(vector, weight)
        } else {
            Sumcheck::packed(pack(&vector), pack(&weight))
        }
    }

    /// Elements of one task; divides the rows.
    fn chunk(&self) -> usize {
        (CHUNK * LANES).min(self.rows)
    }

    /// Calls `task` for every chunk of rows of the pair (address, address + half), numbered in order of the folded vector.
    fn chunk_pair<'s>(&'s self, number: usize, zeros: &'s (Vec<F>, Vec<K>)) -> ChunkPair<'s> {
        let chunk = self.chunk();
        let half = self.limbs.len() / 2;
        let (address, start) = (number * chunk / self.rows, number * chunk % self.rows);
        let cells =
            |a: usize| PackedF::pack_slice(self.limbs[a].map_or(&zeros.0[..], |limb| &limb[start..start + chunk]));
        let weights = |a: usize| self.weights[a].as_ref().map_or(&zeros.1[..], |weight| &weight[start..start + chunk]);
        ChunkPair {
            cells: [cells(address), cells(address + half)],
            weights: [weights(address), weights(address + half)],
        }
    }

    fn zeros(&self) -> (Vec<F>, Vec<K>) {
        (F::zero_vec(self.chunk()), K::zero_vec(self.chunk()))
    }

    fn message(&self) -> Message {
        let zeros = self.zeros();
        let tasks = self.limbs.len() / 2 * self.rows / self.chunk();
        let sums = (0..tasks)
            .into_par_iter()
            .map(|number| {
                let mut sums = (PackedK::ZERO, PackedK::ZERO);
                self.chunk_pair(number, &zeros).for_each(|[v0, v1], [w0, w1]| {
                    sums.0 += w0 * v0;
                    sums.1 += (w1 - w0) * (v1 - v0);
                });
                sums
            })
            .reduce(|| (PackedK::ZERO, PackedK::ZERO), |a, b| (a.0 + b.0, a.1 + b.1));
        (lanes_sum(sums.0), lanes_sum(sums.1))
    }

    fn fold(self, at: K) -> Sumcheck {
        let zeros = self.zeros();
        let len = self.limbs.len() / 2 * self.rows / LANES;
        let (mut vector, mut weight) = (PackedK::zero_vec(len), PackedK::zero_vec(len));
        let chunk = self.chunk() / LANES;
        let at = PackedK::from(at);
        vector.par_chunks_mut(chunk).zip(weight.par_chunks_mut(chunk)).enumerate().for_each(
            |(number, (vector, weight))| {
                let mut folded = vector.iter_mut().zip(weight);
                self.chunk_pair(number, &zeros).for_each(|[v0, v1], [w0, w1]| {
                    if let Some((vector, weight)) = folded.next() {
                        *vector = at * (v1 - v0) + v0;
                        *weight = at * (w1 - w0) + w0;
                    }
                });
            },
        );
        Sumcheck::packed(vector, weight)
    }
}

/// The same rows of the slots whose addresses differ in the top digit.
struct ChunkPair<'s> {
    cells: [&'s [PackedF]; 2],
    weights: [&'s [K]; 2],
}

impl ChunkPair<'_> {
    #[inline(always)]
    fn for_each(&self, mut task: impl FnMut([PackedF; 2], [PackedK; 2])) {
        let [v0, v1] = self.cells;
        let [w0, w1] = self.weights.map(|weights| weights.chunks_exact(LANES));
        for (((&v0, &v1), w0), w1) in v0.iter().zip(v1).zip(w0).zip(w1) {
            task([v0, v1], [PackedK::from_ext_slice(w0), PackedK::from_ext_slice(w1)]);
        }
    }
}
