//! Many whole proofs with fresh randomness and the challenges of the first one. With those fixed, all that a proof shows is a function
//! of cells: what a mask does not reach is constant, or satisfies an equation that it should not. Both are decided by counting and by
//! ranks of samples, so that no error is likelier than a coincidence in Goldilocks (`docs/hiding.md`, Statistics).
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used)]

mod hidden;
mod toy;
mod view;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;

use hidden::{Step, everything, hide};
use tacit_algebra::field::PrimeCharacteristicRing;
use tacit_algebra::progress::Progress;
use tacit_algebra::{F, K, from_bytes, to_bytes};
use tacit_hide::{Pads, Variables, prove_triples};
use tacit_proof::{Model, Wanted, finish_with};
use tacit_transcript::tamper::{How, with};
use tacit_transcript::{Randomness, Sender, Transcript};
use view::rank;

/// More than a proof has messages before the opening, and than it has queries.
const PROOFS: usize = 264;
/// Of the second secret: other weights, another input, other outputs.
const OTHERS: usize = 48;
const THREADS: usize = 2;

type Fixed = Arc<Mutex<HashMap<(How, String, usize), Vec<u8>>>>;

/// What a prover sends and attaches, with the challenges and positions that are fixed; those it meets first are fixed from then on.
fn recorded(fixed: &Fixed, prover: impl FnOnce()) -> Vec<Step> {
    let (steps, fixed) = (Arc::new(Mutex::new(Vec::new())), Arc::clone(fixed));
    let kept = Arc::clone(&steps);
    let hook = move |how, label: &str, number, bytes: &mut Vec<u8>| match how {
        How::Drawn | How::Positions => {
            let mut fixed = fixed.lock().unwrap();
            bytes.clone_from(fixed.entry((how, label.to_string(), number)).or_insert_with(|| bytes.clone()));
        }
        How::Sent | How::Attached => {
            kept.lock().unwrap().push(Step { how, label: label.into(), number, bytes: bytes.clone() });
        }
        How::Absorbed => {}
    };
    with(hook, prover);
    std::mem::take(&mut *steps.lock().unwrap())
}

/// A proof of a secret's model, both commitments with randomness of their own.
fn proof(secret: i64, number: usize, fixed: &Fixed) -> Vec<Step> {
    let buffers = toy::buffers(secret);
    let circuit = finish_with(&toy::circuit().encode(), &Wanted { openings: 1, ..Wanted::default() }).unwrap();
    let seed = |kind: u8| std::array::from_fn(|i| if i == 0 { kind } else { (number >> (8 * (i % 2))) as u8 });
    let model = Model::setup_blinded(&circuit, &buffers.weights, seed(secret as u8), &Progress::default()).unwrap();
    recorded(fixed, || {
        model
            .prove_hiding(&buffers.public, &buffers.witness, &everything(), &[], b"context", &Progress::default())
            .unwrap();
    })
}

/// Proofs of two secrets.
fn proofs() -> &'static [Vec<Vec<Step>>; 2] {
    static HELD: OnceLock<[Vec<Vec<Step>>; 2]> = OnceLock::new();
    HELD.get_or_init(|| {
        let fixed = Fixed::default();
        let first = proof(0, 0, &fixed);
        let (mut own, others) = thread::scope(|scope| {
            let part = |secret: i64, count: usize, thread: usize| {
                let fixed = &fixed;
                let range = (1..count).filter(move |number| number % THREADS == thread);
                scope.spawn(move || range.map(|number| proof(secret, number, fixed)).collect::<Vec<_>>())
            };
            let jobs = |secret, count| (0..THREADS).map(|thread| part(secret, count, thread)).collect::<Vec<_>>();
            let all = [jobs(0, PROOFS), jobs(5, OTHERS + 1)];
            let [own, others] =
                all.map(|jobs| jobs.into_iter().flat_map(|job| job.join().unwrap()).collect::<Vec<_>>());
            (own, others)
        });
        own.insert(0, first);
        [own, others]
    })
}

/// The words of a step, if it consists of field elements.
fn words(step: &Step) -> impl Iterator<Item = u64> + '_ {
    let elements = step.how == How::Sent && step.label != "opening: oracle";
    step.bytes.as_chunks::<8>().0.iter().filter(move |_| elements).map(|word| u64::from_le_bytes(*word))
}

fn element(step: &Step) -> K {
    from_bytes(step.bytes.as_slice().try_into().unwrap()).unwrap()
}

/// The message of a word, and what it is in many proofs.
type Place = (String, Vec<u64>);

/// By place, the words that the proofs have there.
fn by_place(proofs: &[Vec<Step>]) -> Vec<Place> {
    let label = |step: &Step| words(step).map(|_| step.label.clone()).collect::<Vec<_>>();
    let labels = proofs[0].iter().flat_map(label);
    let mut places: Vec<Place> = labels.map(|label| (label, Vec::new())).collect();
    for proof in proofs {
        let found: Vec<u64> = proof.iter().flat_map(words).collect();
        assert_eq!(found.len(), places.len());
        places.iter_mut().zip(found).for_each(|((_, words), word)| words.push(word));
    }
    places
}

/// Pearson's statistic of a digit of four bits: fifteen degrees of freedom.
fn chi_square(words: &[u64], digit: usize) -> f64 {
    let mut counts = [0u32; 16];
    words.iter().for_each(|word| counts[(word >> (4 * digit)) as usize & 15] += 1);
    let expected = words.len() as f64 / 16.0;
    counts.iter().map(|&count| (f64::from(count) - expected).powi(2) / expected).sum()
}

/// No place has a word twice, over both secrets; all hexadecimal digits of all words are uniform, for one secret and for both together.
#[test]
fn every_word_is_uniform_though_the_challenges_are_fixed() {
    let [own, others] = proofs();
    let (own, others) = (by_place(own), by_place(others));
    assert_eq!(own.len(), others.len());
    let joined = |((label, own), (_, others)): (&Place, &Place)| (label.clone(), [own.as_slice(), others].concat());
    let both: Vec<Place> = own.iter().zip(&others).map(joined).collect();
    for (label, words) in &both {
        assert_eq!(words.iter().collect::<HashSet<_>>().len(), words.len(), "{label} has a word twice");
    }
    for places in [own, both] {
        let (mut sum, mut count) = (0.0, 0.0);
        for (label, words) in &places {
            for digit in 0..16 {
                let found = chi_square(words, digit);
                // A quantile of 10^-20 for each, eight standard errors for all.
                assert!(found < 140.0, "{label}, digit {digit}: {found}");
                (sum, count) = (sum + found, count + 1.0);
            }
        }
        assert!(count > 4e4 && (sum - 15.0 * count).abs() < 8.0 * (30.0 * count).sqrt(), "{sum} {count}");
    }
}

/// The messages before the opening satisfy no linear equation over K, whatever its constant: neither among themselves, nor with the
/// values of the triples, which are functions of the pads, nor with the mask's value.
#[test]
fn messages_satisfy_no_equation() {
    let elements = |proof: &Vec<Step>| -> Vec<K> {
        let before = proof.iter().filter(|step| step.how == How::Sent);
        before.take_while(|step| !step.label.starts_with("opening")).map(element).collect()
    };
    let samples: Vec<Vec<K>> = proofs()[0].iter().map(elements).collect();
    assert!(samples[0].len() + 8 < PROOFS, "{} messages", samples[0].len());
    assert_eq!(affine_rank(&samples), samples[0].len());
}

/// The dimension of the affine space that the samples span.
fn affine_rank<T: tacit_algebra::field::Field>(samples: &[Vec<T>]) -> usize {
    let difference = |sample: &Vec<T>| sample.iter().zip(&samples[0]).map(|(&a, &b)| a - b).collect();
    rank(samples[1..].iter().map(difference))
}

/// The opened elements of a limb, of weights and of witness, satisfy no linear equation: as many of its cells as are opened are uniform.
#[test]
fn opened_elements_of_a_limb_satisfy_no_equation() {
    let rows = |proof: &Vec<Step>| -> Vec<F> {
        let step = proof.iter().find(|step| step.label == "opening: rows").unwrap();
        words(step).map(F::from_u64).collect()
    };
    let samples: Vec<Vec<F>> = proofs()[0].iter().map(rows).collect();
    let circuit = finish_with(&toy::circuit().encode(), &Wanted { openings: 1, ..Wanted::default() }).unwrap();
    let queries = tacit_circuit::Circuit::decode(&circuit).unwrap().parameters.queries[0] as usize;
    let limbs = samples[0].len() / queries;
    assert!(limbs >= 5 && queries + 8 < PROOFS, "{limbs} {queries}");
    for limb in 0..limbs {
        let own = |sample: &Vec<F>| sample.iter().skip(limb).step_by(limbs).copied().collect::<Vec<F>>();
        let samples: Vec<Vec<F>> = samples.iter().map(own).collect();
        assert_eq!(affine_rank(&samples), queries, "limb {limb}");
    }
}

/// Salts are attached first, then the siblings, for every tree: no salt is there twice, and all their bits are as often 0 as 1.
#[test]
fn salts_are_uniform_and_used_once() {
    let [own, others] = proofs();
    let attached = |proof: &'static Vec<Step>| proof.iter().filter(|step| step.how == How::Attached).step_by(2);
    let all: Vec<&[u8]> = own
        .iter()
        .chain(others)
        .flat_map(attached)
        .flat_map(|step| step.bytes.as_chunks::<16>().0)
        .map(|s| &s[..])
        .collect();
    let per_proof: usize = attached(&own[0]).map(|step| step.bytes.len() / 16).sum();
    assert!(per_proof > 150 && all.len() == per_proof * (PROOFS + OTHERS), "{per_proof}");
    assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
    for bit in 0..128 {
        let ones = all.iter().filter(|salt| salt[bit / 8] >> (bit % 8) & 1 == 1).count() as f64;
        let (mean, deviation) = (all.len() as f64 / 2.0, (all.len() as f64).sqrt() / 2.0);
        assert!((ones - mean).abs() < 9.0 * deviation, "bit {bit}: {ones} of {}", all.len());
    }
}

/// Of the dummies alone: the disclosed A, B and C satisfy no linear equation, and C is no function of A B. With one dummy it would be.
#[test]
fn the_last_values_of_the_triples_satisfy_no_equation() {
    let fixed = Fixed::default();
    let view = |fresh: u8| -> Vec<K> {
        let variables = Variables { pads: 3, products: vec![] };
        let pads = Pads::new(&variables, &Randomness::new([fresh; 32]), 1);
        let steps = recorded(&fixed, || {
            let mut sender = Sender::padded(Transcript::new("triples"), pads.messages());
            prove_triples(&pads, &mut sender);
        });
        let values: Vec<K> = steps.iter().filter(|step| step.label == "triples: value").map(element).collect();
        let [a, b, c] = values[..] else { panic!("{} values", values.len()) };
        vec![a, b, c, a * b]
    };
    assert_eq!(affine_rank(&(1..=8).map(view).collect::<Vec<_>>()), 4);
}

/// The rounds over limbs and the mask's value are blinded by masks alone. Here the form is a single claim (zeta = 0), so that what pads
/// add to these rounds follows from messages of the tree's last level; together with them the words satisfy no equation over F.
#[test]
fn masks_alone_blind_the_rounds_over_limbs() {
    let (model, values, _) = hidden::model(0);
    let _ = hide(&model, &values, &everything(), 1);
    let fixed = Fixed::default();
    fixed.lock().unwrap().insert((How::Drawn, "combine".into(), 0), to_bytes(K::ZERO).to_vec());
    fixed.lock().unwrap().insert((How::Drawn, "combine".into(), 1), to_bytes(K::ZERO).to_vec());
    let view = |fresh: u8| -> Vec<F> {
        let steps = recorded(&fixed, || drop(hide(&model, &values, &everything(), fresh)));
        let levels: Vec<&Step> = steps.iter().filter(|step| step.label == "tree values").collect();
        let masked = steps.iter().filter(|step| step.label == "mask value");
        let folded = steps.iter().position(|step| step.label == "opening: oracle").unwrap();
        let rounds = steps[..folded].iter().filter(|step| step.label == "opening: round");
        let shown = levels[levels.len() - 4..].iter().copied().chain(masked).chain(rounds);
        shown.flat_map(words).map(F::from_u64).collect()
    };
    let samples: Vec<Vec<F>> = (1..=60).map(view).collect();
    assert!((30..52).contains(&samples[0].len()), "{}", samples[0].len());
    assert_eq!(affine_rank(&samples), samples[0].len());
}
