//! `cargo test --release -p tacit-open --test speed -- --ignored --nocapture`

use std::borrow::Cow;
use std::time::Instant;

use p3_field::{BasedVectorSpace, PrimeCharacteristicRing};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use tacit_algebra::multilinear::{eq_index, eq_table};
use tacit_algebra::packed::{Packed, WIDTH, cell, pack};
use tacit_algebra::progress::Progress;
use tacit_algebra::{F, K};
use tacit_open::choice::{Receipts, candidates, complete};
use tacit_open::{Limbs, Shape, Weights, commit, commit_within, open, verify};
use tacit_transcript::{Randomness, Receiver, Sender, Transcript};

/// Seconds of all threads so far, user and system (Linux; elsewhere 0): walls lie on a busy machine.
fn processor_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let ticks = |field: usize| text.rsplit(')').next()?.split_whitespace().nth(field)?.parse::<f64>().ok();
    (ticks(11).unwrap_or(0.0) + ticks(12).unwrap_or(0.0)) / 100.0
}

/// `scale^address row`.
struct Powers<'a> {
    scale: K,
    row: &'a [Packed],
}

impl Weights for Powers<'_> {
    fn add(&self, address: u64, first: usize, factor: K, rows: &mut [Packed]) {
        let factor = Packed::from(factor * self.scale.exp_u64(address));
        rows.iter_mut().zip(&self.row[first / WIDTH..]).for_each(|(row, &weight)| *row += weight * factor);
    }

    fn multiples(&self, address: u64, first: usize, count: usize) -> Option<Vec<(K, &[Packed])>> {
        Some(vec![(self.scale.exp_u64(address), &self.row[first / WIDTH..][..count])])
    }
}

/// The weight of row t of the limb at address a is `scale^a powers[t]`, so that the form has a cheap extension.
fn measure(log_rows: usize, widths: [usize; 2]) {
    let found = candidates(Receipts::Quick, log_rows..=log_rows, 2..=2, 0, 0, |_| Some(widths.to_vec()));
    let choice = complete(&found[0].schedule, 6, &[]).unwrap();
    let schedule = choice.schedule;
    let mut random = SmallRng::seed_from_u64(1);
    let progress = Progress::default();
    let rows = 1 << log_rows;
    let (mut seconds, mut processor) = (Vec::new(), Vec::new());
    let mut all: Vec<Vec<F>> = Vec::new();
    let salts = Randomness::public();
    let commitments: Vec<_> = widths
        .iter()
        .map(|&width| {
            let cell = |random: &mut SmallRng| F::from_u64(random.random_range(0..1 << 16));
            let limbs: Vec<Vec<F>> = (0..width).map(|_| (0..rows).map(|_| cell(&mut random)).collect()).collect();
            let (start, before) = (Instant::now(), processor_seconds());
            let cells = |limb: usize, first: usize, rows: &mut [F]| {
                rows.copy_from_slice(&limbs[limb][first..first + rows.len()]);
            };
            let commitment = commit(&schedule, width, &salts, cells, &progress).unwrap();
            seconds.push(start.elapsed().as_secs_f64());
            processor.push(processor_seconds() - before);
            all.extend(limbs);
            commitment
        })
        .collect();
    let shape = Shape { widths: widths.to_vec(), addresses: (0..64).collect() };
    let row: Vec<K> =
        (0..rows).map(|_| K::from_basis_coefficients_fn(|_| F::from_u64(random.random::<u64>() >> 1))).collect();
    let scale: K = row[0];
    let packed = pack(&row);
    let value = (0u64..)
        .zip(&all)
        .map(|(a, limb)| limb.iter().zip(&row).map(|(&v, &w)| w * v).sum::<K>() * scale.exp_u64(a))
        .sum();
    let cells = |limb: usize, first: usize, rows: &mut [F]| rows.copy_from_slice(&all[limb][first..first + rows.len()]);
    let weights = Powers { scale, row: &packed };
    let roots: Vec<_> = commitments.iter().map(|commitment| commitment.root()).collect();

    let mut sender = Sender::new(Transcript::new("speed"));
    let (start, before) = (Instant::now(), processor_seconds());
    let commitments = commitments.into_iter().map(Cow::Owned).collect();
    open(&schedule, commitments, &shape, cells, &weights, value, &salts, &mut sender, &progress).unwrap();
    let opened = start.elapsed().as_secs_f64();
    processor.push(processor_seconds() - before);
    let proof = sender.finish();

    let mut form_seconds = 0.0;
    let start = Instant::now();
    let form = |point: &[K]| {
        let start = Instant::now();
        let (address, rest) = point.split_at(6);
        let limb: K = eq_table(rest).into_iter().zip(&row).map(|(e, &w)| e * w).sum();
        let addresses: K = (0..64).map(|a| eq_index(address, a) * scale.exp_u64(a)).sum();
        form_seconds = start.elapsed().as_secs_f64();
        Ok(limb * addresses)
    };
    let mut receiver = Receiver::new(Transcript::new("speed"), &proof);
    verify(&schedule, &roots, &shape, value, &mut receiver, form).unwrap();
    receiver.finish().unwrap();
    let verified = start.elapsed().as_secs_f64() - form_seconds;
    println!(
        "2^{} cells: commit {:.3} s ({} limbs) and {:.3} s ({} limbs), open {opened:.3} s, verify {:.2} ms, proof {} KiB; \
         folds {:?}, queries {:?}, composed {:.2} bits; processor seconds {processor:.2?}",
        log_rows + 6,
        seconds[0],
        widths[0],
        seconds[1],
        widths[1],
        verified * 1e3,
        proof.len() / 1024,
        schedule.folds(),
        schedule.queries(),
        choice.composed,
    );
}

#[test]
#[ignore = "prints times"]
fn speed() {
    measure(14, [53, 11]);
    measure(18, [53, 11]);
}

/// Limbs of 16 bits.
struct Narrow(Vec<Vec<i16>>);

impl Limbs for &Narrow {
    fn read_cells(&self, limb: usize, first: usize, rows: &mut [F]) {
        let cells = &self.0[limb][first..first + rows.len()];
        rows.iter_mut().zip(cells).for_each(|(row, &value)| *row = cell(i64::from(value)));
    }

    fn read_small(&self, limb: usize, first: usize, rows: &mut [i32]) -> bool {
        let cells = &self.0[limb][first..first + rows.len()];
        rows.iter_mut().zip(cells).for_each(|(row, &value)| *row = i32::from(value));
        true
    }
}

/// Codewords that are not held, in parts of so many elements.
#[test]
#[ignore = "prints times"]
fn thin() {
    let (log_rows, width) = (20, 30);
    let found = candidates(Receipts::Quick, log_rows..=log_rows, 2..=2, 0, 0, |_| Some(vec![width]));
    let schedule = complete(&found[0].schedule, 6, &[]).unwrap().schedule;
    let mut random = SmallRng::seed_from_u64(1);
    let limbs = Narrow((0..width).map(|_| (0..1 << log_rows).map(|_| random.random()).collect()).collect());
    for part in [1 << 22, 1 << 23, 1 << 25] {
        let before = processor_seconds();
        let progress = Progress::default();
        let found = commit_within(part, &schedule, width, &Randomness::public(), &limbs, &progress).unwrap();
        println!("{part}: {:.2} processor seconds, root {:02x?}", processor_seconds() - before, &found.root()[..4]);
    }
}
