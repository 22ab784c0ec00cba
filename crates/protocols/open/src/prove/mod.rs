//! The prover of the opening; step names as in README.md.

mod apart;
mod batch;
mod commitment;
mod encode;
mod limbs;
mod narrow;
mod powers;
mod stored;
mod sumcheck;
mod transform;

use std::borrow::Cow;

use p3_field::{BasedVectorSpace, PrimeCharacteristicRing};
use tacit_algebra::K;
use tacit_algebra::multilinear::bits;
use tacit_algebra::progress::{Progress, Stopped};
use tacit_transcript::{Digest, Randomness, Sender, on_pool};

use crate::schedule::{Schedule, Shape, bind};
use batch::Batch;
use encode::{Codeword, Opened};
use sumcheck::{Message, Sumcheck};

pub use apart::{RankOne, values_at};
pub use batch::Weights;
pub use commitment::{Commitment, commit, commit_within};
pub use encode::SALTS;
pub use limbs::Limbs;
pub use narrow::SMALL;

/// Why there is no opening.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenError {
    Stopped(Stopped),
    /// A codeword that was not kept is another one now.
    Cells,
    /// A codeword could not be written.
    File(std::io::ErrorKind),
}

impl From<std::io::Error> for OpenError {
    fn from(error: std::io::Error) -> Self {
        Self::File(error.kind())
    }
}

impl From<Stopped> for OpenError {
    fn from(stopped: Stopped) -> Self {
        Self::Stopped(stopped)
    }
}

/// Proves `<weights, limbs> = value` over all limbs of all commitments.
///
/// `cells` must be those that were committed to. Owned commitments are dropped once their rows are shown.
///
/// The caller has absorbed everything that defines the form. The proof of a wrong `value` is refused. `salts` are those of the oracles
/// after the commitments (streams [`SALTS`] + 1, ..).
///
/// # Errors
/// When `progress` asks to stop, and when a commitment whose codeword was not kept turns out to be one to other cells.
///
/// # Panics
/// When shape and commitments do not fit together.
#[allow(clippy::too_many_arguments)]
pub fn open(
    schedule: &Schedule,
    commitments: Vec<Cow<'_, Commitment>>,
    shape: &Shape,
    cells: impl Limbs,
    weights: &impl Weights,
    value: K,
    salts: &Randomness,
    sender: &mut Sender,
    progress: &Progress,
) -> Result<(), OpenError> {
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
    on_pool(|| rounds(schedule, commitments, units, &batch, salts, sender, progress))
}

/// All rounds, `units` of work in the first ones and as many in the others.
#[allow(clippy::too_many_arguments)]
fn rounds<C, W>(
    schedule: &Schedule,
    commitments: Vec<Cow<'_, Commitment>>,
    units: u64,
    batch: &Batch<'_, C, W>,
    salts: &Randomness,
    sender: &mut Sender,
    progress: &Progress,
) -> Result<(), OpenError>
where
    C: Limbs,
    W: Weights,
{
    let cells = batch.cells;
    let mut state = batch.run(|message| exchange(sender, message));
    progress.advance(units)?;

    let mut latest = Latest::Commitments(commitments);
    for (i, &fold) in (1..).zip(schedule.folds()) {
        let next = commit_blocks(schedule, i, fold, &state, salts);
        sender.send_bytes("opening: oracle", &next.root());
        let z = sender.draw("opening: out of domain");
        sender.disclose("opening: out of domain", state.univariate(z));
        let positions = answer(schedule, i - 1, &latest.trees(), cells, sender)?;
        latest = Latest::Oracle(next);
        let zeta = sender.draw("opening: combine");
        let mut coefficients = zeta.powers().skip(1);
        let out_of_domain = (z, coefficients.next().unwrap_or(K::ZERO));
        let points = positions.iter().map(|&position| schedule.point(i - 1, position)).zip(coefficients);
        state.add_powers(out_of_domain, &points.collect::<Vec<_>>());
        state = state.run(fold, |message| exchange(sender, message));
        progress.advance(units >> bits(schedule.folds().len() as u64 + 1))?;
    }
    state.vector().into_iter().for_each(|coefficient| sender.disclose("opening: final", coefficient));
    answer(schedule, schedule.folds().len(), &latest.trees(), cells, sender)?;
    drop(latest);
    state.run(schedule.log_final(), |message| exchange(sender, message));
    Ok(progress.advance(units >> bits(schedule.folds().len() as u64 + 1))?)
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

/// The oracle that is asked next.
enum Latest<'a> {
    Commitments(Vec<Cow<'a, Commitment>>),
    Oracle(Codeword),
}

impl Latest<'_> {
    fn trees(&self) -> Vec<&Codeword> {
        match self {
            Self::Commitments(commitments) => commitments.iter().map(|commitment| &commitment.codeword).collect(),
            Self::Oracle(oracle) => vec![oracle],
        }
    }
}

/// Opens the queried rows of every tree of oracle i; returns the positions. `cells` are those of the commitments' limbs.
fn answer(
    schedule: &Schedule,
    i: usize,
    trees: &[&Codeword],
    cells: &impl Limbs,
    sender: &mut Sender,
) -> Result<Vec<u64>, OpenError> {
    let positions = sender.transcript.positions("opening: queries", schedule.log_domain(i), schedule.count(i));
    let mut base = 0;
    let open = |tree: &&Codeword| {
        let first = base;
        base += tree.width();
        tree.open(schedule, &positions, |column, coefficients| cells.read_cells(first + column, 0, coefficients))
    };
    let opened = trees.iter().map(open).collect::<Option<Vec<Opened>>>().ok_or(OpenError::Cells)?;
    let rows: Vec<u8> = (0..positions.len()).flat_map(|n| opened.iter().flat_map(move |tree| tree.row(n))).collect();
    sender.send_bytes("opening: rows", &rows);
    for tree in &opened {
        if schedule.salt() > 0 {
            sender.attach(&tree.salts);
        }
        sender.attach(&tree.siblings.concat());
    }
    Ok(positions)
}
