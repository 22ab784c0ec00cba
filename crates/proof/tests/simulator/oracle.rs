//! A random oracle that answers with challenges chosen beforehand: the hook of every transcript, on both sides.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use tacit_algebra::field::{BasedVectorSpace, PrimeCharacteristicRing};
use tacit_algebra::{F, K, P, to_bytes};
use tacit_open::Schedule;
use tacit_transcript::tamper::{How, with};

pub fn element(random: &mut SmallRng) -> K {
    K::from_basis_coefficients_fn(|_| F::from_u64(random.random_range(0..P)))
}

/// A step of a transcript: how, label, bytes.
pub type Step = (How, String, Vec<u8>);

/// Challenges and positions by label and number: uniform, and drawn without a look at any transcript.
#[derive(Clone)]
pub struct Oracle {
    seed: u64,
    /// Positions of the i-th queries.
    positions: Vec<Vec<u8>>,
    /// A label under which the hash is left as it is.
    unprogrammed: Option<String>,
    /// Draws of one proof under every label. The honest prover reads its own messages once more and must find the same challenges.
    period: HashMap<String, usize>,
    /// What is attached in place of what a prover attaches, by number.
    attached: HashMap<usize, Vec<u8>>,
}

impl Oracle {
    pub fn new(seed: u64, schedule: Option<&Schedule>) -> Self {
        let mut random = SmallRng::seed_from_u64(!seed);
        let mut choose = |i: usize, schedule: &Schedule| -> Vec<u8> {
            let domain = 1u64 << schedule.log_domain(i);
            let count = (schedule.queries()[i] as u64).min(domain) as usize;
            let mut found = BTreeSet::new();
            while found.len() < count {
                found.insert(random.random_range(0..domain));
            }
            found.iter().flat_map(|position| position.to_le_bytes()).collect()
        };
        let positions = schedule
            .map_or_else(Vec::new, |schedule| (0..schedule.queries().len()).map(|i| choose(i, schedule)).collect());
        Self { seed, positions, unprogrammed: None, period: HashMap::new(), attached: HashMap::new() }
    }

    /// Nothing is programmed under this label.
    pub fn without(&self, label: &str) -> Self {
        Self { unprogrammed: Some(label.into()), ..self.clone() }
    }

    /// With other bytes attached.
    pub fn attaching(&self, attached: HashMap<usize, Vec<u8>>) -> Self {
        Self { attached, ..self.clone() }
    }

    /// For a prover that draws everything more than once, as often as a proof with these steps does.
    pub fn repeating(&self, steps: &[Step]) -> Self {
        let mut period = HashMap::new();
        steps.iter().filter(|(how, ..)| *how == How::Drawn).for_each(|(_, label, _)| {
            *period.entry(label.clone()).or_insert(0) += 1;
        });
        Self { period, ..self.clone() }
    }

    fn challenge(&self, label: &str, number: usize) -> K {
        let number = self.period.get(label).map_or(number, |&period| number % period);
        let named = label.bytes().fold(self.seed, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        element(&mut SmallRng::seed_from_u64(named.wrapping_add(number as u64)))
    }

    /// Runs a prover, a simulator or a verifier against it; returns the steps too.
    pub fn record<T>(&self, run: impl FnOnce() -> T) -> (T, Vec<Step>) {
        let steps = Rc::new(RefCell::new(Vec::new()));
        let (kept, oracle) = (Rc::clone(&steps), self.clone());
        let hook = move |how, label: &str, number: usize, bytes: &mut Vec<u8>| {
            // A seal's point follows from a root that was made before: it is the same under every oracle, and no step of a proof.
            if ["root", "seal point"].contains(&label) {
                return;
            }
            match how {
                _ if oracle.unprogrammed.as_deref() == Some(label) => {}
                How::Drawn => *bytes = to_bytes(oracle.challenge(label, number)).to_vec(),
                How::Positions => bytes.clone_from(&oracle.positions[number]),
                How::Attached => {
                    if let Some(other) = oracle.attached.get(&number) {
                        bytes.clone_from(other);
                    }
                }
                _ => {}
            }
            kept.borrow_mut().push((how, label.to_string(), bytes.clone()));
        };
        let result = with(hook, run);
        (result, steps.take())
    }

    pub fn run<T>(&self, run: impl FnOnce() -> T) -> T {
        self.record(run).0
    }
}
