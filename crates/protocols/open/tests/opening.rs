//! Completeness on random shapes, and refusal of everything else.

use std::borrow::Cow;
use std::fs::File;

use p3_field::{BasedVectorSpace, PrimeCharacteristicRing};
use proptest::prelude::*;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use tacit_algebra::multilinear::{eq_index, eq_table};
use tacit_algebra::packed::{Packed, WIDTH, pack};
use tacit_algebra::progress::{Progress, Stopped};
use tacit_algebra::{F, K, P, centred, signed};
use tacit_open::choice::{Receipts, candidates, complete};
use tacit_open::{
    Commitment, Limbs, OpenError, RankOne, SMALL, Schedule, Shape, Weights, commit, commit_within, open, values_at,
    verify,
};
use tacit_transcript::{Digest, Invalid, Randomness, Receiver, Sender, Transcript};

fn cell(random: &mut SmallRng) -> F {
    F::from_u64(random.random_range(0..P))
}

fn element(random: &mut SmallRng) -> K {
    K::from_basis_coefficients_fn(|_| cell(random))
}

struct Case {
    schedule: Schedule,
    shape: Shape,
    limbs: Vec<Vec<F>>,
    commitments: Vec<Commitment>,
    weights: Vec<(u64, Vec<K>)>,
    /// More weights, now and then.
    rank_one: Option<RankOne>,
    value: K,
}

/// Weights that are held whole, and those of rank one.
struct Held<'a>(&'a [(u64, Vec<K>)], Option<&'a RankOne>);

impl Weights for Held<'_> {
    fn add(&self, address: u64, first: usize, scale: K, rows: &mut [Packed]) {
        for (_, weights) in self.0.iter().filter(|(at, _)| *at == address) {
            let weights: Vec<K> = weights[first..].iter().take(rows.len() * WIDTH).map(|&w| w * scale).collect();
            rows.iter_mut().zip(pack(&weights)).for_each(|(row, weight)| *row += weight);
        }
    }

    fn multiples(&self, _: u64, _: usize, _: usize) -> Option<Vec<(K, &[Packed])>> {
        None
    }

    fn rank_one(&self) -> Option<&RankOne> {
        self.1
    }
}

/// Limbs that are held whole.
#[derive(Clone, Copy)]
struct Whole<'a>(&'a [Vec<F>]);

impl Limbs for Whole<'_> {
    fn read_cells(&self, limb: usize, first: usize, rows: &mut [F]) {
        rows.copy_from_slice(&self.0[limb][first..first + rows.len()]);
    }

    fn read_small(&self, limb: usize, first: usize, rows: &mut [i32]) -> bool {
        let mut cells = rows.iter_mut().zip(&self.0[limb][first..]);
        cells.all(|(row, &cell)| {
            let value = centred(cell);
            *row = value as i32;
            value.unsigned_abs() <= SMALL as u64
        })
    }
}

/// Commits to limbs that are held whole.
fn commit_to(schedule: &Schedule, limbs: &[Vec<F>]) -> Commitment {
    let cells =
        |limb: usize, first: usize, rows: &mut [F]| rows.copy_from_slice(&limbs[limb][first..first + rows.len()]);
    commit(schedule, limbs.len(), &Randomness::new([5; 32]), cells, &Progress::default()).unwrap()
}

impl Case {
    /// Random cells and weights; roughly one limb in four has no weights, and half of the cases have some of rank one.
    fn new(schedule: Schedule, widths: &[usize], seed: u64) -> Self {
        let mut random = SmallRng::seed_from_u64(seed);
        let rows = 1 << schedule.log_rows();
        let total: usize = widths.iter().sum();
        let mut addresses: Vec<u64> = (0..total.next_power_of_two() as u64).collect();
        for i in (1..addresses.len()).rev() {
            addresses.swap(i, random.random_range(0..=i));
        }
        addresses.truncate(total);
        // A limb's cells are any, small ones, or small ones but for a last part.
        let limb = |random: &mut SmallRng| -> Vec<F> {
            let small = [0, rows, rows - rows / 4][random.random_range(0..3)];
            let most = i64::from(SMALL);
            let of = |t: usize, random: &mut SmallRng| match t < small {
                true => signed(random.random_range(-most..=most)),
                false => cell(random),
            };
            (0..rows).map(|t| of(t, random)).collect()
        };
        let limbs: Vec<Vec<F>> = (0..total).map(|_| limb(&mut random)).collect();
        let mut rest = limbs.as_slice();
        let mut next = |width: usize| {
            let (limbs, after) = rest.split_at(width);
            rest = after;
            commit_to(&schedule, limbs)
        };
        let commitments: Vec<Commitment> = widths.iter().map(|&width| next(width)).collect();
        let (mut weights, mut value) = (Vec::new(), K::ZERO);
        for (&address, limb) in addresses.iter().zip(&limbs) {
            if random.random_range(0..4) > 0 {
                let weight: Vec<K> = (0..rows).map(|_| element(&mut random)).collect();
                value += weight.iter().zip(limb).map(|(&w, &v)| w * v).sum::<K>();
                weights.push((address, weight));
            }
        }
        let rank_one = random.random_range(0..2) > 0;
        let rank_one = rank_one.then(|| {
            let base = element(&mut random);
            let mut scalars = vec![K::ZERO; total.next_power_of_two()];
            let own = |limb: &Vec<F>| limb.iter().rev().fold(K::ZERO, |sum, &cell| sum * base + cell);
            for (&address, limb) in addresses.iter().zip(&limbs).take(random.random_range(0..=total)) {
                scalars[address as usize] = element(&mut random);
                value += scalars[address as usize] * own(limb);
            }
            let known: Vec<K> = limbs.iter().take(random.random_range(0..=total)).map(own).collect();
            assert_eq!(values_at(&Whole(&limbs), 0..known.len(), schedule.log_rows(), base), known);
            RankOne { base, scalars, known }
        });
        let shape = Shape { widths: widths.to_vec(), addresses };
        Self { schedule, shape, limbs, commitments, weights, rank_one, value }
    }

    fn roots(&self) -> Vec<Digest> {
        self.commitments.iter().map(Commitment::root).collect()
    }

    fn prove(&self, value: K) -> Vec<u8> {
        let mut sender = Sender::new(Transcript::new("opening test"));
        self.open(value, &mut sender, &Progress::default()).unwrap();
        sender.finish()
    }

    fn open(&self, value: K, sender: &mut Sender, progress: &Progress) -> Result<(), OpenError> {
        let commitments = self.commitments.iter().map(Cow::Borrowed).collect();
        let cells = Whole(&self.limbs);
        let weights = Held(&self.weights, self.rank_one.as_ref());
        let salts = Randomness::new([6; 32]);
        open(&self.schedule, commitments, &self.shape, cells, &weights, value, &salts, sender, progress)
    }

    fn opens(&self, value: K) -> Result<(), OpenError> {
        let mut sender = Sender::new(Transcript::new("opening test"));
        self.open(value, &mut sender, &Progress::default())
    }

    fn form(&self, point: &[K]) -> K {
        let (address, row) = point.split_at(self.shape.log_limbs());
        let eq = eq_table(row);
        let limb = |weight: &Vec<K>| weight.iter().zip(&eq).map(|(&w, &e)| w * e).sum::<K>();
        let held: K = self.weights.iter().map(|(a, weight)| eq_index(address, *a) * limb(weight)).sum();
        let powers = |weights: &RankOne| {
            let scalars: K = (0u64..).zip(&weights.scalars).map(|(a, &scalar)| eq_index(address, a) * scalar).sum();
            scalars * weights.base.powers().zip(&eq).map(|(power, &e)| power * e).sum::<K>()
        };
        held + self.rank_one.as_ref().map_or(K::ZERO, powers)
    }

    fn verify_with(&self, roots: &[Digest], shape: &Shape, value: K, offset: K, proof: &[u8]) -> Result<(), Invalid> {
        let mut receiver = Receiver::new(Transcript::new("opening test"), proof);
        let form = |point: &[K]| Ok(self.form(point) + offset);
        verify(&self.schedule, roots, shape, value, &mut receiver, form)?;
        receiver.finish()
    }

    fn verify(&self, proof: &[u8]) -> Result<(), Invalid> {
        self.verify_with(&self.roots(), &self.shape, self.value, K::ZERO, proof)
    }
}

/// With salts of 0 to 16 bytes.
fn schedule(log_rows: usize, folds: &[usize], rates: &[usize], queries: &[usize]) -> Schedule {
    Schedule::new(log_rows, folds.to_vec(), rates.to_vec(), queries.to_vec(), 4 * (log_rows % 5)).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn honest_proofs_are_accepted(
        final_rows in 0usize..5,
        folds in proptest::collection::vec(1usize..5, 0..4),
        rates in proptest::collection::vec(1usize..4, 4),
        queries in proptest::collection::vec(1usize..40, 4),
        widths in proptest::collection::vec(1usize..7, 1..4),
        seed: u64,
    ) {
        let rows = final_rows + folds.iter().sum::<usize>();
        let oracles = folds.len() + 1;
        let case = Case::new(schedule(rows, &folds, &rates[..oracles], &queries[..oracles]), &widths, seed);
        let proof = case.prove(case.value);
        prop_assert_eq!(case.verify(&proof), Ok(()));
        let other = case.value + K::ONE;
        prop_assert!(case.verify_with(&case.roots(), &case.shape, other, K::ZERO, &proof).is_err());
        prop_assert!(case.verify_with(&case.roots(), &case.shape, other, K::ZERO, &case.prove(other)).is_err());
    }
}

fn sample() -> Case {
    Case::new(schedule(7, &[2, 3], &[1, 2, 3], &[9, 7, 5]), &[5, 2], 1)
}

#[test]
fn every_altered_word_is_refused() {
    for case in [sample(), Case::new(schedule(3, &[], &[2], &[6]), &[2, 1], 2)] {
        let proof = case.prove(case.value);
        assert_eq!(case.verify(&proof), Ok(()));
        for position in (0..proof.len()).step_by(7) {
            let mut altered = proof.clone();
            altered[position] ^= 1 << (position % 8);
            assert!(case.verify(&altered).is_err(), "byte {position} of {}", proof.len());
        }
    }
}

#[test]
fn other_lengths_are_refused() {
    let case = sample();
    let proof = case.prove(case.value);
    for len in (0..proof.len()).step_by(31).chain([proof.len() - 1]) {
        assert!(case.verify(&proof[..len]).is_err());
    }
    assert_eq!(case.verify(&[&proof[..], &[0]].concat()), Err(Invalid::Trailing("the proof")));
}

#[test]
fn words_above_the_modulus_are_refused() {
    let mut case = sample();
    (case.limbs, case.rank_one) = (vec![vec![F::ZERO; 128]; 7], None);
    case.commitments = [5, 2].map(|width| commit_to(&case.schedule, &case.limbs[..width])).into();
    case.value = K::ZERO;
    let proof = case.prove(K::ZERO);
    assert_eq!(case.verify(&proof), Ok(()));
    let mut written_differently = 0;
    for word in 0..proof.len() / 8 {
        if proof[8 * word..8 * word + 8] == [0; 8] {
            let mut altered = proof.clone();
            altered[8 * word..8 * word + 8].copy_from_slice(&P.to_le_bytes());
            assert!(matches!(case.verify(&altered), Err(Invalid::NonCanonical(_))), "word {word}");
            written_differently += 1;
        }
    }
    assert!(written_differently > 100);
}

#[test]
fn other_statements_are_refused() {
    let case = sample();
    let proof = case.prove(case.value);
    let (roots, shape) = (case.roots(), case.shape.clone());
    let check =
        |roots: &[Digest], shape: &Shape, value: K, offset: K| case.verify_with(roots, shape, value, offset, &proof);
    assert_eq!(check(&roots, &shape, case.value, K::ZERO), Ok(()));
    assert!(check(&roots, &shape, case.value + K::ONE, K::ZERO).is_err());
    assert!(check(&roots, &shape, case.value, K::ONE).is_err());
    assert!(check(&[roots[1], roots[0]], &shape, case.value, K::ZERO).is_err());
    assert!(check(&roots[..1], &shape, case.value, K::ZERO).is_err());
    assert!(check(&[], &shape, case.value, K::ZERO).is_err());
    let mut swapped = shape.clone();
    swapped.addresses.swap(0, 1);
    assert!(check(&roots, &swapped, case.value, K::ZERO).is_err());
    for widths in [vec![4, 3], vec![2, 5], vec![5, 3], vec![7], vec![5, 2, 0], vec![usize::MAX, 8]] {
        assert!(check(&roots, &Shape { widths, ..shape.clone() }, case.value, K::ZERO).is_err());
    }
    for address in [16, u64::MAX, shape.addresses[1]] {
        let mut addresses = shape.addresses.clone();
        addresses[0] = address;
        assert!(check(&roots, &Shape { addresses, ..shape.clone() }, case.value, K::ZERO).is_err());
    }
}

#[test]
fn another_transcript_is_refused() {
    let case = sample();
    let proof = case.prove(case.value);
    let mut receiver = Receiver::new(Transcript::new("another protocol"), &proof);
    let form = |point: &[K]| Ok(case.form(point));
    assert!(verify(&case.schedule, &case.roots(), &case.shape, case.value, &mut receiver, form).is_err());
}

#[test]
fn the_weight_of_the_form_reaches_the_end() {
    let case = sample();
    let proof = case.prove(case.value);
    let mut receiver = Receiver::new(Transcript::new("opening test"), &proof);
    let refused = Err(Invalid::Check("the form"));
    let form = |_: &[K]| Err(Invalid::Check("the form"));
    assert_eq!(verify(&case.schedule, &case.roots(), &case.shape, case.value, &mut receiver, form), refused);
}

#[test]
fn one_limb_without_weights() {
    let mut case = Case::new(schedule(6, &[3], &[2, 2], &[20, 20]), &[1], 5);
    (case.weights, case.value) = (Vec::new(), K::ZERO);
    assert_eq!(case.verify(&case.prove(K::ZERO)), Ok(()));
    assert!(case.verify_with(&case.roots(), &case.shape, K::ONE, K::ZERO, &case.prove(K::ONE)).is_err());
}

#[test]
fn recommended_schedules_work() {
    for receipts in [Receipts::Quick, Receipts::Small] {
        let found = candidates(receipts, 11..=11, receipts.rates(1 << 14), 4, 0, |_| Some(vec![3, 2]));
        let choice = complete(&found[0].schedule, 3, &[]).unwrap();
        let case = Case::new(choice.schedule, &[3, 2], 7);
        assert_eq!(case.verify(&case.prove(case.value)), Ok(()));
    }
}

/// Codewords that are not held give the same proofs, whatever the size of the parts that they are computed in.
#[test]
fn codewords_that_are_not_held_change_nothing() {
    let (seven, ten) = (schedule(7, &[2, 3], &[1, 2, 3], &[9, 7, 5]), schedule(10, &[4], &[2, 2], &[200, 30]));
    for (schedule, widths) in [(seven, [5, 2]), (ten, [3, 11])] {
        let mut case = Case::new(schedule, &widths, 8);
        let (roots, proof) = (case.roots(), case.prove(case.value));
        for held in [0, 400, 1600, 9000] {
            let limbs = &case.limbs;
            let thin = |first: usize, width: usize| {
                let cells = Whole(&limbs[first..first + width]);
                commit_within(held, &case.schedule, width, &Randomness::new([5; 32]), cells, &Progress::default())
                    .unwrap()
            };
            case.commitments = vec![thin(0, widths[0]), thin(widths[0], widths[1])];
            assert_eq!(case.roots(), roots, "{widths:?} {held}");
            assert!(case.prove(case.value) == proof, "{widths:?} {held}");
            if let Some(digests) = case.commitments[0].digests() {
                let mut digests = digests.to_vec();
                let again = |digests: &[Digest]| {
                    Commitment::from_digests(&case.schedule, widths[0], &Randomness::new([5; 32]), digests.to_vec())
                };
                assert_eq!(again(&digests).map(|made| made.root()), Some(roots[0]));
                assert!(again(&digests[1..]).is_none());
                digests[1][0] ^= 1;
                assert_ne!(again(&digests).map(|made| made.root()), Some(roots[0]));
                case.commitments[0] = again(case.commitments[0].digests().unwrap()).unwrap();
                assert!(case.prove(case.value) == proof, "{widths:?} {held}");
            }
        }
    }
}

/// A codeword in a file gives the same proofs, and so does one whose file was changed later; what is not its file is not taken.
#[test]
fn codewords_in_files_change_nothing() {
    let folder = std::env::temp_dir().join(format!("tacit-codewords-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let named = |name: &str| folder.join(name);
    let opened = |name: &str, fresh: bool| {
        File::options().read(true).write(true).create(fresh).truncate(fresh).open(named(name)).unwrap()
    };
    let mut case = Case::new(schedule(10, &[4], &[2, 2], &[200, 30]), &[3, 11], 8);
    let (value, schedule, limbs) = (case.value, case.schedule.clone(), case.limbs.clone());
    let (proof, progress) = (case.prove(value), Progress::default());
    let thin = |limbs: &[Vec<F>]| {
        commit_within(0, &schedule, limbs.len(), &Randomness::new([5; 32]), Whole(limbs), &progress).unwrap()
    };
    assert_eq!(case.commitments[0].stored_bytes(&schedule), None);

    let mut stored = thin(&limbs[..3]);
    assert_eq!(stored.stored_bytes(&schedule), Some((3 * 8) << 12));
    assert_eq!(stored.store(&schedule, opened("right", true), Whole(&limbs[..3]), &progress), Ok(()));
    assert_eq!(std::fs::metadata(named("right")).unwrap().len(), (3 * 8) << 12);
    case.commitments[0] = stored;
    assert!(case.prove(value) == proof);

    let mut again = thin(&limbs[..3]);
    assert!(again.take(&schedule, opened("right", false)));
    case.commitments[0] = again.clone();
    assert!(case.prove(value) == proof);
    // Cells that are not read: a codeword that is encoded again would be noticed to be of others.
    case.limbs[..3].iter_mut().flatten().for_each(|cell| *cell = F::ZERO);
    assert_eq!(case.commitments[0].root(), case.roots()[0]);
    assert_eq!(case.opens(value), Ok(()));
    let bytes = std::fs::read(named("right")).unwrap();
    let middle: Vec<u8> = bytes.iter().enumerate().map(|(n, &b)| b ^ u8::from((9000..90_000).contains(&n))).collect();
    std::fs::write(named("right"), middle).unwrap();
    assert_eq!(case.opens(value), Err(OpenError::Cells));
    case.limbs.clone_from(&limbs);
    assert!(case.prove(value) == proof);

    // Other cells, a file that was cut or is longer.
    assert_eq!(thin(&limbs[1..4]).store(&schedule, opened("cells", true), Whole(&limbs[1..4]), &progress), Ok(()));
    assert!(!thin(&limbs[..3]).take(&schedule, opened("cells", false)));
    for wrong in [&bytes[..bytes.len() - 1], &[], &[bytes.as_slice(), &[0; 8]].concat()] {
        std::fs::write(named("wrong"), wrong).unwrap();
        assert!(!thin(&limbs[..3]).take(&schedule, opened("wrong", false)));
    }
    assert!(!case.commitments[1].take(&schedule, opened("right", false)), "one that is held");
    let mut third = thin(&limbs[..3]);
    assert_eq!(third.store(&schedule, opened("wrong", true), Whole(&limbs[1..4]), &progress), Err(OpenError::Cells));
    let unwritable = File::open(named("cells")).unwrap();
    assert!(matches!(third.store(&schedule, unwritable, Whole(&limbs[..3]), &progress), Err(OpenError::File(_))));
    progress.stop.store(true, std::sync::atomic::Ordering::Relaxed);
    let stopped = third.store(&schedule, opened("wrong", true), Whole(&limbs[..3]), &progress);
    assert_eq!(stopped, Err(OpenError::Stopped(Stopped)));
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn opening_other_cells_than_those_committed_to_is_noticed() {
    let mut case = sample();
    let limbs = &case.limbs;
    let cells = |limb: usize, from: usize, rows: &mut [F]| rows.copy_from_slice(&limbs[limb][from..from + rows.len()]);
    case.commitments[0] =
        commit_within(0, &case.schedule, 5, &Randomness::new([5; 32]), cells, &Progress::default()).unwrap();
    assert_eq!(case.opens(case.value), Ok(()));
    case.limbs[3][77] += F::ONE;
    assert_eq!(case.opens(case.value), Err(OpenError::Cells));
}

#[test]
fn schedules_are_checked() {
    let new = |rows, folds: &[usize], rates: &[usize], queries: &[usize], salt| {
        Schedule::new(rows, folds.to_vec(), rates.to_vec(), queries.to_vec(), salt)
    };
    assert!(new(8, &[4], &[2, 2], &[139, 139], 0).is_ok());
    assert!(new(31, &[4; 7], &[2; 8], &[1; 8], 0).is_err());
    assert!(new(8, &[4, 5], &[2; 3], &[1; 3], 0).is_err());
    assert!(new(18, &[9], &[2, 2], &[1, 1], 0).is_err());
    assert!(new(18, &[0], &[2, 2], &[1, 1], 0).is_err());
    assert!(new(18, &[], &[2], &[1], 0).is_err());
    assert!(new(8, &[4], &[2], &[1, 1], 0).is_err());
    assert!(new(8, &[4], &[2, 2], &[1], 0).is_err());
    assert!(new(8, &[4], &[2, 0], &[1, 1], 0).is_err());
    assert!(new(8, &[4], &[2, 11], &[1, 1], 0).is_err());
    assert!(new(8, &[4], &[2, 2], &[0, 1], 0).is_err());
    assert!(new(8, &[4], &[2, 2], &[1, 65536], 0).is_err());
    assert!(new(8, &[4], &[2, 2], &[1, 1], 16).is_ok());
    assert!(new(8, &[4], &[2, 2], &[1, 1], 17).is_err());
    assert!(new(8, &[4], &[2, 2], &[1, 1], 68).is_err());
    assert!(new(30, &[8, 8], &[3, 1, 1], &[1, 1, 1], 0).is_err());
    assert!(new(8, &[usize::MAX, 2], &[2; 3], &[1; 3], 0).is_err());
}

#[test]
fn stopping_is_heard() {
    let case = sample();
    let progress = Progress::default();
    progress.stop.store(true, std::sync::atomic::Ordering::Relaxed);
    let mut sender = Sender::new(Transcript::new("opening test"));
    let stopped = case.open(case.value, &mut sender, &progress);
    assert_eq!(stopped, Err(OpenError::Stopped(Stopped)));
    assert!(
        commit(&case.schedule, 1, &Randomness::public(), |_, _, rows: &mut [F]| rows.fill(F::ZERO), &progress).is_err()
    );
    assert!(
        commit_within(
            0,
            &case.schedule,
            1,
            &Randomness::public(),
            |_, _, rows: &mut [F]| rows.fill(F::ZERO),
            &progress
        )
        .is_err()
    );
}
