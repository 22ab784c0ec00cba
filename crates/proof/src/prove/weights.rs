//! What a prover keeps of the weights' commitment, and what it tells the opening of a form.

use tacit_algebra::packed::Packed;
use tacit_algebra::{F, K, from_bytes};
use tacit_circuit::Columns;
use tacit_columns::{Cells, Form, Layout, Rows};
use tacit_open::{Commitment, Limbs, RankOne, SMALL, Schedule, Weights, values_at};
use tacit_transcript::Randomness;

/// The values of the weights' limbs at z; reads every one of them, by all threads.
pub fn limb_values(layout: &Layout, values: &dyn Columns, z: K) -> Vec<K> {
    let cells = layout.committed(values);
    let limbs = 0..layout.widths().first().copied().unwrap_or(0);
    values_at(&CellsOfLimbs(cells, 0), limbs, layout.log_rows(), z)
}

/// The opening's view of the layout's cells, in the limbs from a number on.
pub struct CellsOfLimbs<'a>(pub Cells<'a>, pub usize);

impl Limbs for CellsOfLimbs<'_> {
    fn read_cells(&self, limb: usize, first: usize, rows: &mut [F]) {
        self.0.read(self.1.saturating_add(limb), first, rows);
    }

    fn read_small(&self, limb: usize, first: usize, rows: &mut [i32]) -> bool {
        self.0.read_small(self.1.saturating_add(limb), first, SMALL, rows)
    }
}

/// A commitment to the weights and its limbs' values from what [`super::Model::digests`] says of them, if it is that.
pub fn known(
    bytes: &[u8],
    layout: &Layout,
    schedule: &Schedule,
    randomness: &Randomness,
) -> Option<(Commitment, Vec<K>)> {
    let width = layout.widths().first().copied().unwrap_or(0);
    let (digests, values) = bytes.split_at_checked(bytes.len().checked_sub(width.checked_mul(24)?)?)?;
    let (digests, []) = digests.as_chunks::<32>() else {
        return None;
    };
    let values = values.as_chunks::<24>().0.iter().map(|&value| from_bytes(value)).collect::<Option<_>>()?;
    Some((Commitment::from_digests(schedule, width, randomness, digests.to_vec())?, values))
}

/// The opening's view of a form on the layout.
pub struct FormWeights {
    rows: Rows,
    rank_one: Option<RankOne>,
}

impl FormWeights {
    /// `limb_values`: of the first limbs, where the form reads whole ones.
    pub fn new(layout: &Layout, form: &Form, limb_values: &[K]) -> Self {
        let powers = layout.powers_of_rows(form);
        let rank_one = powers.map(|p| RankOne { base: p.base, scalars: p.scalars, known: limb_values.to_vec() });
        Self { rows: layout.weights(form), rank_one }
    }
}

impl Weights for FormWeights {
    fn add(&self, address: u64, first: usize, scale: K, rows: &mut [Packed]) {
        self.rows.add(address as usize, first, scale, rows);
    }

    fn multiples(&self, address: u64, first: usize, count: usize) -> Option<Vec<(K, &[Packed])>> {
        self.rows.multiples(address as usize, first, count)
    }

    fn rank_one(&self) -> Option<&RankOne> {
        self.rank_one.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use tacit_algebra::progress::Progress;
    use tacit_algebra::to_bytes;
    use tacit_circuit::{Circuit, Values};
    use tacit_open::commit_within;

    use std::fs::File;
    use std::sync::Arc;

    use super::super::{Extended, Model, ProveError, Shared, held, toy};
    use super::*;
    use crate::parameters::schedule;
    use crate::seal::seal_point;
    use crate::{Wanted, finish_with};

    /// What is kept of a commitment makes it and its seal again; anything else is not taken for it.
    #[test]
    fn kept_digests_and_values_are_those_of_the_commitment() {
        let circuit = finish_with(&toy::circuit().encode(), &Wanted { openings: 1, ..Wanted::default() }).unwrap();
        let circuit = Circuit::decode(&circuit).unwrap();
        let (layout, schedule) = (Layout::new(&circuit).unwrap(), schedule(&circuit.parameters).unwrap());
        let (randomness, progress) = (Randomness::new([4; 32]), Progress::default());
        let columns = Values { columns: (0..9).map(|i| vec![i; 4096]).collect() };
        let cells = layout.committed(&columns);
        let read = |limb: usize, first: usize, rows: &mut [tacit_algebra::F]| cells.read(limb, first, rows);
        let thin = commit_within(0, &schedule, layout.widths()[0], &randomness, read, &progress).unwrap();
        let values = limb_values(&layout, &columns, seal_point(&thin.root()));
        let bytes: Vec<u8> =
            thin.digests().unwrap().concat().into_iter().chain(values.iter().flat_map(|&v| to_bytes(v))).collect();
        let (found, again) = known(&bytes, &layout, &schedule, &randomness).unwrap();
        assert_eq!((found.root(), again), (thin.root(), values));
        let mut above = bytes.clone();
        above[bytes.len() - 8..].fill(255);
        for wrong in [&bytes[1..], &bytes[24..], &bytes[32..], &[], &above, &[&bytes[..], &[0; 32]].concat()] {
            assert!(known(wrong, &layout, &schedule, &randomness).is_none());
        }
    }

    /// A model whose codeword is too large proves alike when the codeword lies in a file, and takes no other file.
    #[test]
    fn encoded_weights_in_a_file_change_nothing() {
        let circuit = finish_with(&toy::circuit().encode(), &Wanted { openings: 1, ..Wanted::default() }).unwrap();
        let (buffers, progress) = (toy::buffers(1), Progress::default());
        let weights = Shared(Arc::new(buffers.weights.clone()));
        let whole = Model::setup_shared(&circuit, weights.clone(), Some([4; 32]), None, &progress).unwrap();
        assert_eq!(whole.encoded_bytes(), None);
        let columns = held(&whole.circuit, &weights).unwrap();
        let cells = Extended::new(&columns, &whole.noise);
        let read = CellsOfLimbs(whole.layout.committed(&cells), 0);
        let (width, randomness) = (whole.layout.widths()[0], Randomness::new([4; 32]));
        let thin = commit_within(0, &whole.schedule, width, &randomness, read, &progress).unwrap();
        let values = whole.limb_values.iter().flat_map(|&value| to_bytes(value));
        let digests: Vec<u8> = thin.digests().unwrap().concat().into_iter().chain(values).collect();
        let path = std::env::temp_dir().join(format!("tacit-encoded-{}", std::process::id()));
        let fresh = || File::options().read(true).write(true).create(true).truncate(true).open(&path).unwrap();
        let again =
            |seed| Model::setup_shared(&circuit, weights.clone(), Some(seed), Some(&digests), &progress).unwrap();
        let mut model = again([4; 32]);
        assert_eq!(model.key(), whole.key());
        model.encode_weights(fresh(), &progress).unwrap();
        let size = std::fs::metadata(&path).unwrap().len();
        assert_eq!(model.encoded_bytes(), Some(size));
        let prove =
            |model: &Model| model.prove(&buffers.public, &buffers.witness, b"file", &progress).unwrap().encode();
        assert!(prove(&model) == prove(&whole));
        let mut other = again([4; 32]);
        assert!(other.take_encoded(File::open(&path).unwrap()));
        assert!(prove(&other) == prove(&whole));
        // Weights that these digests are not of.
        let failed = again([5; 32]).encode_weights(fresh(), &progress).unwrap_err();
        assert!(matches!(failed, ProveError::Malformed(reason) if reason.contains("committed")));
        let failed = model.encode_weights(File::open(&path).unwrap(), &progress).unwrap_err();
        assert!(matches!(failed, ProveError::File(_)));
        std::fs::write(&path, vec![7; size as usize]).unwrap();
        assert!(!other.take_encoded(File::open(&path).unwrap()));
        std::fs::remove_file(path).unwrap();
    }
}
