//! What a receipt hides, and what that changes: a hidden tensor's column is committed with the witness instead of travelling in the
//! receipt, and the witness commitment holds uniform cells (`docs/hiding.md`).

use tacit_algebra::K;
use tacit_circuit::{Circuit, ColumnId, Home};
use tacit_columns::{Claim, Form, Hiding, LEAST_LOG_LIMBS, Layout, Views, clear_rows, mask_columns};
use tacit_hide::{Affine, Blank, Hidden, Variables, mask_form, pad_form};
use tacit_open::{Schedule, Shape};
use tacit_transcript::{Invalid, Reading};

use crate::named::{self, Named};
use crate::parameters::{PROFILE_BITS, hidden_security, shape};
use crate::seal::Seal;
use crate::stages::{combine, outer};

/// Bytes of salt that a leaf must have.
pub const SALT: u8 = 16;
/// Reserved rows that the seal of the weights uses up, once for all proofs; each proof uses up as many as it has queries.
pub const SEALED: u64 = 3;

/// The hidden parts of a statement; everything inside the model is hidden always. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HideSet {
    pub weights: bool,
    /// Per binding of the circuit.
    pub publics: Vec<bool>,
}

impl HideSet {
    /// One byte a part: the weights, then the bindings.
    pub fn encode(&self) -> Vec<u8> {
        std::iter::once(self.weights).chain(self.publics.iter().copied()).map(u8::from).collect()
    }

    /// # Errors
    /// When a byte is neither 0 nor 1, or nothing is hidden.
    pub fn decode(bytes: &[u8]) -> Result<Self, Invalid> {
        let wrong = Invalid::NonCanonical("the hide set");
        let (weights, publics) = bytes.split_first().ok_or(wrong.clone())?;
        let sane = bytes.iter().all(|byte| *byte <= 1) && bytes.contains(&1);
        if !sane {
            return Err(wrong);
        }
        Ok(Self { weights: *weights == 1, publics: publics.iter().map(|byte| *byte == 1).collect() })
    }

    /// Whether the binding's tensor is hidden.
    pub fn hides(&self, binding: usize) -> bool {
        self.publics.get(binding).copied().unwrap_or(false)
    }
}

/// The seals that a hiding proof is about.
#[derive(Debug, Clone, Copy)]
pub struct Seals<'a> {
    pub weights: Seal,
    pub named: &'a [Named],
}

/// The circuit, layout and limbs of all proofs with one hide set, as far as they are known before a proof.
#[derive(Debug, Clone)]
pub struct Mode {
    /// The hidden tensors' columns are witness columns.
    pub circuit: Circuit,
    pub layout: Layout,
    pub shape: Shape,
    pub variables: Variables,
    /// The columns that have a commitment of their own.
    pub named: Vec<ColumnId>,
}

impl Mode {
    /// Counts what the verifier needs by running it without a proof.
    pub fn new(circuit: &Circuit, schedule: &Schedule, set: &HideSet, named: &[u32]) -> Result<Self, Invalid> {
        let circuit = committed(circuit, schedule, set)?;
        let (variables, zeros) = count(&circuit)?;
        Self::with(circuit, schedule, variables, zeros, named)
    }

    /// With the variables that a verifier counted; `named`: the bindings whose tensors have a commitment of their own.
    pub fn with(
        circuit: Circuit,
        schedule: &Schedule,
        variables: Variables,
        zeros: usize,
        named: &[u32],
    ) -> Result<Self, Invalid> {
        let named = named::columns(&circuit, named)?;
        let layout = Layout::hiding(&circuit, &Hiding { named: named.clone(), ..hiding(schedule, &variables) })?;
        let shape = shape(&layout);
        shape.check()?;
        let security = hidden_security(&circuit, schedule, &layout, &variables, zeros);
        if security.composed < PROFILE_BITS {
            return Err(Invalid::Check("the bits of security of a hiding proof"));
        }
        Ok(Self { circuit, layout, shape, variables, named })
    }

    /// Powers of `zeta` turn the claims, what must be zero, and the seals, that of the weights first, into one claim on committed columns.
    pub fn combine(
        &self,
        values: &tacit_circuit::Values,
        claims: Vec<Claim<Affine>>,
        zeros: Vec<Affine>,
        seals: Seals<'_>,
        zeta: K,
    ) -> Result<(Form, K), Invalid> {
        let affine: Vec<Affine> = claims.iter().map(|claim| claim.value.clone()).chain(zeros.iter().cloned()).collect();
        let claims = claims.into_iter().map(|claim| Claim { form: claim.form, value: claim.value.constant });
        let zeros = zeros.into_iter().map(|value| Claim { form: Form::new(), value: value.constant });
        let sealed = self.sealed(seals)?;
        let (mut form, total) = combine(&self.circuit, values, claims.chain(zeros).chain(sealed).collect(), zeta)?;
        let column = self.layout.uniform().pads.ok_or(Invalid::Circuit("a layout without pads"))?;
        form.push(pad_form(&affine, zeta, &self.variables, column)?);
        Ok((form, total))
    }

    /// What the seals claim: that of the weights, then those of single tensors.
    fn sealed(&self, seals: Seals<'_>) -> Result<Vec<Claim<K>>, Invalid> {
        let columns = self.named.iter().zip(&self.layout.uniform().seals);
        let named = seals.named.iter().zip(columns).map(|(named, (&column, &seal))| {
            let form = named::seal_form(&self.layout, column, seal, named.point())?;
            Ok(Claim { form, value: named.seal })
        });
        std::iter::once(Ok(seals.weights.claim(&self.layout))).chain(named).collect()
    }

    /// `scale` times the mask's form at `z`.
    pub fn mask(&self, z: K, scale: K) -> Form {
        mask_form(&mask_columns(&self.layout), z, scale)
    }
}

/// The variables of a hiding proof, and how many values must be zero.
pub fn count(circuit: &Circuit) -> Result<(Variables, usize), Invalid> {
    let mut hidden = Hidden::new(Blank::new());
    let _ = outer(circuit, &mut Views::default(), &mut hidden)?;
    let (_, zeros, variables) = hidden.close()?;
    Ok((variables, zeros.len()))
}

/// What a hiding layout needs to know.
pub fn hiding(schedule: &Schedule, variables: &Variables) -> Hiding {
    let queries = schedule.queries().first().copied().unwrap_or(0) as u64;
    Hiding { pads: variables.count(), trace: schedule.trace(), queries, named: Vec::new() }
}

/// The circuit in which the columns of hidden tensors are committed.
///
/// # Errors
/// When the hide set belongs to another circuit, or the circuit's commitments cannot hide.
pub fn committed(circuit: &Circuit, schedule: &Schedule, set: &HideSet) -> Result<Circuit, Invalid> {
    if set.publics.len() != circuit.publics.len() {
        return Err(Invalid::NonCanonical("the hide set"));
    }
    let queries = schedule.queries().first().copied().unwrap_or(0) as u64;
    // What is shown of the folded vector is proved to be uniform for a first fold of two variables or more.
    let narrow = schedule.folds().first() == Some(&1);
    if narrow
        || circuit.parameters.salt < SALT
        || u64::from(circuit.parameters.reserved) < clear_rows(queries, LEAST_LOG_LIMBS)
    {
        return Err(Invalid::Circuit("its commitments cannot hide"));
    }
    let mut circuit = circuit.clone();
    let bound: Vec<ColumnId> = circuit.publics.iter().map(|binding| binding.column).collect();
    for (column, _) in bound.into_iter().zip(&set.publics).filter(|(_, hidden)| **hidden) {
        circuit.columns.iter_mut().skip(column as usize).take(1).for_each(|column| column.home = Home::Witness);
    }
    Ok(circuit)
}

/// A hiding proof up to the opening, read: the mode, the claim on its columns, and the reading that goes on.
pub fn reduce<R: Reading<Value = K>>(
    circuit: Circuit,
    schedule: &Schedule,
    values: &tacit_circuit::Values,
    seals: Seals<'_>,
    reading: R,
) -> Result<(Mode, Form, K, R), Invalid> {
    let mut hidden = Hidden::new(reading);
    let mut views = Views::default();
    // The forms keep what they need; the circuit goes on into the mode.
    let claims = outer(&circuit, &mut views, &mut hidden)?;
    let (mut reading, zeros, variables) = hidden.close()?;
    let zeta = reading.draw("combine");
    let bindings: Vec<u32> = seals.named.iter().map(|named| named.binding).collect();
    let mode = Mode::with(circuit, schedule, variables, zeros.len(), &bindings)?;
    let (mut form, mut value) = mode.combine(values, claims, zeros, seals, zeta)?;
    let z = reading.draw("mask point");
    let masked = reading.receive("mask value")?;
    let xi = reading.draw("mask combine");
    form.extend(mode.mask(z, xi));
    value += xi * masked;
    Ok((mode, form, value, reading))
}
