//! The prover of the opening; step names as in README.md.

mod batch;
mod encode;
mod sumcheck;
mod transform;

use p3_field::{BasedVectorSpace, PrimeCharacteristicRing};
use tacit_algebra::multilinear::bits;
use tacit_algebra::progress::{Progress, Stopped};
use tacit_algebra::{F, K};
use tacit_transcript::{Digest, Randomness, Sender};

use crate::schedule::{Schedule, Shape, bind};
use batch::Batch;
use encode::Codeword;
use sumcheck::{Message, Sumcheck};

pub use batch::{Scratch, Weights};
pub use encode::{Commitment, SALTS, commit};

/// Proves `<weights, limbs> = value` over all limbs of all commitments.
///
/// `cells(limb, first, rows)` writes the cells `first ..` of a limb, limbs counted over all commitments; they must be the cells that
/// were committed to. It is called for aligned ranges of rows, by all threads.
///
/// The caller has absorbed everything that defines the form. The proof of a wrong `value` is refused. `salts` are those of the oracles
/// after the commitments (streams [`SALTS`] + 1, ..).
///
/// # Errors
/// [`Stopped`] when `progress` asks for it.
///
/// # Panics
/// When shape and commitments do not fit together.
#[allow(clippy::too_many_arguments)]
pub fn open(
    schedule: &Schedule,
    commitments: &[&Commitment],
    shape: &Shape,
    cells: impl Fn(usize, usize, &mut [F]) + Sync,
    weights: &impl Weights,
    value: K,
    salts: &Randomness,
    scratch: &mut Scratch,
    sender: &mut Sender,
    progress: &Progress,
) -> Result<(), Stopped> {
    assert!(shape.check().is_ok(), "the shape is valid");
    assert!(
        commitments.iter().map(|c| c.codeword.width()).eq(shape.widths.iter().copied()),
        "the shape fits the commitments"
    );
    let units = 1u64 << (shape.log_limbs() + schedule.log_rows());
    progress.expect(2 * units);
    let roots: Vec<Digest> = commitments.iter().map(|commitment| commitment.root()).collect();
    bind(&mut sender.transcript, schedule, shape, &roots, value);

    let mut limbs = vec![None; 1 << shape.log_limbs()];
    shape.addresses.iter().enumerate().for_each(|(limb, &address)| limbs[address as usize] = Some(limb));
    let batch = Batch { limbs, log_rows: schedule.log_rows(), cells: &cells, weights };
    let mut state = batch.run(scratch, |message| exchange(sender, message));
    progress.advance(units)?;

    let mut oracle: Option<Codeword> = None;
    for (i, &fold) in (1..).zip(schedule.folds()) {
        let next = commit_blocks(schedule, i, fold, &state, salts);
        sender.send_bytes("opening: oracle", &next.root());
        let z = sender.draw("opening: out of domain");
        sender.disclose("opening: out of domain", state.univariate(z));
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
    state.vector().into_iter().for_each(|coefficient| sender.disclose("opening: final", coefficient));
    answer(schedule, schedule.folds().len(), &trees(commitments, &oracle), sender);
    state.run(schedule.log_final(), |message| exchange(sender, message));
    progress.advance(units >> bits(schedule.folds().len() as u64 + 1))
}

fn exchange(sender: &mut Sender, (constant, leading): Message) -> K {
    sender.disclose("opening: round", constant);
    sender.disclose("opening: round", leading);
    sender.draw("opening: fold")
}

/// Oracle i: the contiguous blocks of the vector as columns of K, so `3 2^fold` columns of F.
fn commit_blocks(schedule: &Schedule, i: usize, fold: usize, state: &Sumcheck, salts: &Randomness) -> Codeword {
    let block = state.len() >> fold;
    Codeword::new(schedule, i, 3 << fold, salts, |first, rows| {
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
        let salts: Vec<u8> = positions.iter().flat_map(|&position| tree.salt(position)).collect();
        sender.attach(&salts);
        sender.attach(&tree.siblings(&positions).concat());
    }
    positions
}
