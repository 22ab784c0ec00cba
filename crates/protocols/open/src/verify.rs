//! The verifier of the opening; step names as in README.md.

use p3_field::{BasedVectorSpace, PrimeCharacteristicRing, PrimeField64};
use tacit_algebra::multilinear::eq_table;
use tacit_algebra::{F, K};
use tacit_transcript::merkle::{leaf, verify as verify_tree};
use tacit_transcript::{Digest, Invalid, Reading, Receiver};

use crate::schedule::{Schedule, Shape, bind};

/// Checks that the linear form takes `value` on the limbs under `roots` (one per commitment).
///
/// `form` evaluates the form's multilinear extension at `log_limbs + log_rows` coordinates, address digits first, most
/// significant first; it is called once, at the end. The caller has absorbed everything that defines the form.
///
/// # Errors
/// When shape and roots do not fit together, the proof ends early, a check fails, or `form` fails.
pub fn verify(
    schedule: &Schedule,
    roots: &[Digest],
    shape: &Shape,
    value: K,
    receiver: &mut Receiver<'_>,
    form: impl FnOnce(&[K]) -> Result<K, Invalid>,
) -> Result<(), Invalid> {
    shape.check()?;
    if roots.len() != shape.widths.len() {
        return Err(Invalid::Check("the number of roots"));
    }
    bind(&mut receiver.transcript, schedule, shape, roots, value);
    let mut state = State { target: value, point: Vec::new(), added: Vec::new() };
    let eq = eq_table(state.sumcheck(shape.log_limbs(), receiver)?);
    let coefficient =
        |&address: &u64| usize::try_from(address).ok().and_then(|a| eq.get(a)).copied().unwrap_or(K::ZERO);
    let mut oracle = Oracle {
        index: 0,
        roots: roots.to_vec(),
        widths: shape.widths.clone(),
        coefficients: shape.addresses.iter().map(coefficient).collect(),
    };
    for (i, &fold) in (1..).zip(schedule.folds()) {
        let root = receiver.receive_digest("opening: oracle")?;
        let z = receiver.draw("opening: out of domain");
        let y = receiver.receive("opening: out of domain")?;
        let answers = oracle.read(schedule, receiver)?;
        let zeta = receiver.draw("opening: combine");
        let answers = answers.into_iter().map(|(x, value)| (K::from(x), value));
        for (coefficient, (x, value)) in zeta.powers().skip(1).zip([(z, y)].into_iter().chain(answers)) {
            state.target += coefficient * value;
            state.added.push(Added { coefficient, x, start: state.point.len() });
        }
        oracle = Oracle::blocks(i, root, &eq_table(state.sumcheck(fold, receiver)?));
    }
    let last = receiver.receive_many("opening: final", 1 << schedule.log_final())?;
    for (x, value) in oracle.read(schedule, receiver)? {
        if last.iter().rev().fold(K::ZERO, |sum, &coefficient| sum * x + coefficient) != value {
            return Err(Invalid::Check("the final polynomial"));
        }
    }
    let eq = eq_table(state.sumcheck(schedule.log_final(), receiver)?);
    let vector: K = last.iter().zip(&eq).map(|(&a, &b)| a * b).sum();
    let weight = form(&state.point)? + state.added_weight();
    if vector * weight == state.target { Ok(()) } else { Err(Invalid::Check("the opening's last equation")) }
}

/// `coefficient (1, x, x^2, ..)`, added to the weight when `start` coordinates were bound.
struct Added {
    coefficient: K,
    x: K,
    start: usize,
}

/// The running claim: `<weight, vector> = target`, both bound to `point` so far.
struct State {
    target: K,
    point: Vec<K>,
    added: Vec<Added>,
}

impl State {
    /// A round gives h(0) and the coefficient of X^2; h(1) = target - h(0). Returns the coordinates that were bound.
    fn sumcheck(&mut self, rounds: usize, receiver: &mut Receiver<'_>) -> Result<&[K], Invalid> {
        let start = self.point.len();
        for _ in 0..rounds {
            let constant = receiver.receive("opening: round")?;
            let leading = receiver.receive("opening: round")?;
            let at = receiver.draw("opening: fold");
            self.target = constant + ((self.target - constant.double() - leading) + leading * at) * at;
            self.point.push(at);
        }
        Ok(self.point.get(start..).unwrap_or_default())
    }

    /// The extensions of all added power vectors: `prod_b (1 - r_b + r_b x^(2^(n-1-b)))`, b from the last to the first.
    fn added_weight(&self) -> K {
        let mut sum = K::ZERO;
        for added in &self.added {
            let (mut product, mut power) = (added.coefficient, added.x);
            for &r in self.point.get(added.start..).unwrap_or_default().iter().rev() {
                product *= r * power - r + K::ONE;
                power = power.square();
            }
            sum += product;
        }
        sum
    }
}

/// One oracle as the verifier knows it: its trees, and the coefficient by which every element of a row (all trees' rows
/// joined) enters the folded value.
struct Oracle {
    index: usize,
    roots: Vec<Digest>,
    /// Elements of F in a row of each tree.
    widths: Vec<usize>,
    coefficients: Vec<K>,
}

impl Oracle {
    /// Rows of one block per coefficient; an element of K is written in the basis 1, X, X^2.
    fn blocks(index: usize, root: Digest, coefficients: &[K]) -> Self {
        let basis = (0..3).filter_map(<K as BasedVectorSpace<F>>::ith_basis_element).collect::<Vec<_>>();
        let coefficients = coefficients.iter().flat_map(|&c| basis.iter().map(move |&b| c * b)).collect::<Vec<_>>();
        Self { index, roots: vec![root], widths: vec![coefficients.len()], coefficients }
    }

    /// Reads the queried rows of every tree, checks them, and folds them: pairs of a point and the folded value there.
    fn read(&self, schedule: &Schedule, receiver: &mut Receiver<'_>) -> Result<Vec<(F, K)>, Invalid> {
        let depth = schedule.log_domain(self.index);
        let positions = receiver.transcript.positions("opening: queries", depth, schedule.count(self.index));
        let row_bytes = 8usize.saturating_mul(self.coefficients.len()).max(8);
        let rows = receiver.receive_bytes("opening: rows", positions.len().saturating_mul(row_bytes))?;
        let mut opened = vec![Vec::with_capacity(positions.len()); self.roots.len()];
        let mut answers = Vec::with_capacity(positions.len());
        for (&position, mut row) in positions.iter().zip(rows.chunks_exact(row_bytes)) {
            let mut value = K::ZERO;
            for (&coefficient, word) in self.coefficients.iter().zip(row.as_chunks::<8>().0) {
                value += coefficient * canonical(*word)?;
            }
            answers.push((schedule.point(self.index, position), value));
            for (leaves, &width) in opened.iter_mut().zip(&self.widths) {
                let (part, rest) =
                    row.split_at_checked(8usize.saturating_mul(width)).ok_or(Invalid::Truncated("opening: rows"))?;
                leaves.push((position, part));
                row = rest;
            }
        }
        let size = schedule.salt();
        for (root, rows) in self.roots.iter().zip(opened) {
            let mut salts = receiver.take("opening: salts", rows.len().saturating_mul(size))?;
            let mut leaves = Vec::with_capacity(rows.len());
            for (position, row) in rows {
                let (salt, rest) = salts.split_at_checked(size).ok_or(Invalid::Truncated("opening: salts"))?;
                leaves.push((position, leaf(salt, row)));
                salts = rest;
            }
            verify_tree(root, depth, &leaves, receiver)?;
        }
        Ok(answers)
    }
}

fn canonical(word: [u8; 8]) -> Result<F, Invalid> {
    let word = u64::from_le_bytes(word);
    if word < F::ORDER_U64 { Ok(F::from_u64(word)) } else { Err(Invalid::NonCanonical("opening: rows")) }
}
