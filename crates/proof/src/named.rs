//! Commitments of single hidden tensors: two receipts that carry the same one speak of the same tensor.
//!
//! A root that was made in bad faith may be close to several codewords. The *seal* is the value of the tensor, and of three uniform
//! cells, at a point that the root decides: it picks one of them (`docs/hiding.md`, Named commitments).

use std::sync::Arc;

use tacit_algebra::field::{BasedVectorSpace, PrimeCharacteristicRing};
use tacit_algebra::{F, K, from_bytes, signed, to_bytes};
use tacit_circuit::{Circuit, ColumnId, Reader, Writer};
use tacit_columns::{Form, FormTerm, Layout, Weight};
use tacit_transcript::{Digest, Invalid};

use crate::hiding::HideSet;
use crate::seal::seal_point;

/// The commitment of a binding's tensor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The binding's place in the circuit.
    pub binding: u32,
    pub root: Digest,
    pub seal: K,
}

impl Named {
    pub fn encode(&self) -> Vec<u8> {
        [&self.binding.to_le_bytes(), self.root.as_slice(), &self.seal_bytes()].concat()
    }

    pub fn seal_bytes(&self) -> [u8; 24] {
        to_bytes(self.seal)
    }

    /// Where the seal's polynomial is read.
    pub fn point(&self) -> K {
        seal_point(&self.root)
    }
}

/// Writes the named commitments of a receipt, which has some.
pub fn write(named: &[Named], writer: &mut Writer) {
    writer.u32(named.len() as u32);
    named.iter().for_each(|named| writer.raw(&named.encode()));
}

/// Reads what [`write`] writes.
///
/// # Errors
/// When there are none, or bindings do not ascend, or one is not hidden, or a seal is not canonical.
pub fn read(reader: &mut Reader<'_>, set: &HideSet) -> Result<Vec<Named>, Invalid> {
    const WHAT: &str = "the named commitments";
    let short = |_| Invalid::Truncated("receipt");
    let wrong = Invalid::NonCanonical(WHAT);
    let (count, mut found) = (reader.u32().map_err(short)?, Vec::<Named>::new());
    for _ in 0..count {
        let binding = reader.u32().map_err(short)?;
        let root = Digest::try_from(reader.raw(32).map_err(short)?).map_err(|_| wrong.clone())?;
        let seal = <[u8; 24]>::try_from(reader.raw(24).map_err(short)?).map_err(|_| wrong.clone())?;
        let seal = from_bytes(seal).ok_or(wrong.clone())?;
        let ascends = found.last().is_none_or(|last| last.binding < binding);
        if !ascends || !set.hides(binding as usize) {
            return Err(wrong);
        }
        found.push(Named { binding, root, seal });
    }
    if found.is_empty() { Err(wrong) } else { Ok(found) }
}

/// The columns of the tensors that have a commitment, which must be stored as the bindings say.
///
/// # Errors
/// When a column has another shape than its binding, but for axes of length 1: two circuits would read one commitment differently.
pub fn columns(circuit: &Circuit, bindings: &[u32]) -> Result<Vec<ColumnId>, Invalid> {
    let column = |&binding: &u32| {
        let public = circuit.publics.get(binding as usize).ok_or(Invalid::Circuit("a named tensor does not exist"))?;
        let column = circuit.columns.get(public.column as usize).ok_or(Invalid::Circuit("a binding has no column"))?;
        let long = |shape: &[u64]| shape.iter().copied().filter(|&length| length != 1).collect::<Vec<_>>();
        if long(&column.shape) == long(&public.shape) {
            Ok(public.column)
        } else {
            Err(Invalid::Circuit("a tensor is not stored in its shape, so it cannot have a commitment of its own"))
        }
    };
    bindings.iter().map(column).collect()
}

/// `sum_j z^(j + 1) column[j] + <seal column, (1, X, X^2)>`, j the flat index in C order.
///
/// # Errors
/// When a column is not committed.
pub fn seal_form(layout: &Layout, column: ColumnId, seal: ColumnId, z: K) -> Result<Form, Invalid> {
    let shape = layout.shape_of(column).ok_or(Invalid::Circuit("a named column is not committed"))?;
    let (mut weights, mut base) = (Vec::with_capacity(shape.len()), z);
    for &len in shape.iter().rev() {
        weights.push(Arc::new(Weight::Powers { base, len }));
        base = base.exp_u64(len);
    }
    weights.reverse();
    let basis = (0..3).filter_map(<K as BasedVectorSpace<F>>::ith_basis_element).collect();
    Ok(vec![
        FormTerm { coefficient: z, column, weights },
        FormTerm { coefficient: K::ONE, column: seal, weights: vec![Arc::new(Weight::Dense(basis))] },
    ])
}

/// The seal of these cells.
pub fn sealed(cells: &[i64], seal: &[i64], z: K) -> K {
    let value = cells.iter().rev().fold(K::ZERO, |sum, &cell| (sum + signed(cell)) * z);
    let basis = (0..3).filter_map(<K as BasedVectorSpace<F>>::ith_basis_element);
    value + basis.zip(seal).map(|(base, &cell): (K, _)| base * signed(cell)).sum::<K>()
}

#[cfg(test)]
mod tests {
    use tacit_circuit::{Column, Direction, Home, Parameters, Public};

    use super::*;

    fn circuit(stored: &[u64], shape: &[u64]) -> Circuit {
        let column = Column { name: "x".into(), shape: stored.to_vec(), bytes: 8, home: Home::Witness };
        let public = Public {
            name: "x".into(),
            direction: Direction::Input,
            column: 0,
            dtype: "float32".into(),
            shape: shape.to_vec(),
            exponent: 0,
            lowest: 0,
            highest: 9,
        };
        let parameters = Parameters { log_rows: 8, reserved: 32, ..Parameters::default() };
        let none = (vec![], vec![], vec![]);
        Circuit {
            columns: vec![column],
            tables: none.0,
            contracts: none.1,
            lookups: none.2,
            publics: vec![public],
            parameters,
        }
    }

    /// Two circuits read one commitment alike only if the tensor is stored in its own shape.
    #[test]
    fn a_tensor_that_is_stored_in_another_shape_has_no_commitment() {
        for (stored, shape) in
            [(&[6][..], &[6][..]), (&[6], &[1, 6]), (&[2, 3], &[2, 1, 3]), (&[1, 6], &[6, 1]), (&[1], &[])]
        {
            assert_eq!(columns(&circuit(stored, shape), &[0]), Ok(vec![0]), "{stored:?} {shape:?}");
        }
        for (stored, shape) in [(&[6][..], &[2, 3][..]), (&[2, 3], &[3, 2]), (&[2, 3], &[6]), (&[2, 3], &[2, 3, 2])] {
            assert!(columns(&circuit(stored, shape), &[0]).is_err(), "{stored:?} {shape:?}");
        }
        assert!(columns(&circuit(&[6], &[6]), &[1]).is_err());
    }

    /// The form is the seal, and the seal has a coefficient for every cell that no other cell has.
    #[test]
    fn the_form_of_a_seal_is_its_value() {
        let circuit = circuit(&[3, 1, 5], &[3, 5]);
        let hiding = tacit_columns::Hiding { pads: 1, trace: vec![0..4, 8..9], queries: 2, named: vec![0] };
        let layout = Layout::hiding(&circuit, &hiding).unwrap();
        let seal = layout.uniform().seals[0];
        let z = seal_point(&[7; 32]);
        assert_ne!(z, seal_point(&[8; 32]));
        let form = seal_form(&layout, 0, seal, z).unwrap();
        let cells: Vec<i64> = (0..15).map(|i| i * i - 40).collect();
        let uniform = [123, -5, 77];
        let value = |column: ColumnId| if column == 0 { &cells[..] } else { &uniform[..] };
        let sum: K =
            form.iter().map(|term| term.coefficient * tacit_columns::known(value(term.column), &term.weights)).sum();
        assert_eq!(sum, sealed(&cells, &uniform, z));
        let unit = |cell: usize| -> K {
            let mut one = vec![0; 15];
            one[cell] = 1;
            sealed(&one, &[0; 3], z)
        };
        assert!((0..15).all(|cell| unit(cell) == z.exp_u64(cell as u64 + 1)));
        assert_eq!(sealed(&[0; 15], &[1, 0, 0], z), K::ONE);
        assert!(seal_form(&layout, 99, seal, z).is_err());
    }
}
