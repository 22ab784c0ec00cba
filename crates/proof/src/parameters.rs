//! The profile `128`: parameters of a circuit's opening, and every soundness term of its proofs.

use tacit_algebra::multilinear::bits;
use tacit_circuit::{Circuit, Home, Parameters, Sum, View, Writer};
use tacit_columns::Layout;
use tacit_hide::Variables;
use tacit_open::security::{FIELD_BITS, composed, list_bits, terms};
use tacit_open::{Schedule, Shape};
use tacit_transcript::Invalid;

use crate::hiding::{HideSet, committed, count, hiding};

/// Bits that every circuit's proofs must have, all terms summed.
pub const PROFILE_BITS: f64 = 128.0;

/// The soundness of a circuit's proofs: error terms in bits (-log2 of a probability), and their sum.
#[derive(Debug, Clone)]
pub struct Security {
    pub terms: Vec<(String, f64)>,
    pub composed: f64,
}

/// What the terms before the opening depend on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sizes {
    /// log2 of the leaves of the fraction tree, padded axis by axis and packed.
    pub log_leaves: usize,
    /// Coordinates of the contracts' points.
    pub coordinates: usize,
    pub contracts: usize,
    /// A bound on the claims that are combined.
    pub claims: usize,
}

/// Variables of the sumcheck of all contracts, and the degree of its rounds, in any well-formed circuit.
const ROUNDS: usize = 64;
const DEGREE: usize = 4;

/// What no well-formed circuit exceeds: its work (2^26, 64 or more for a term or a relation) bounds terms of three factors and
/// relations by 2^20; points have at most 64 axes of fewer than 2^40 positions.
pub(crate) const LARGEST: Sizes =
    Sizes { log_leaves: 61, coordinates: 64 * 40, contracts: 1 << 20, claims: 4 + (3 << 20) };

impl Sizes {
    pub fn of(circuit: &Circuit) -> Self {
        let region =
            |axes: &[u64]| -> u64 { 1u64.checked_shl(axes.iter().map(|&d| bits(d) as u32).sum()).unwrap_or(u64::MAX) };
        let lookups =
            circuit.lookups.iter().filter_map(|lookup| lookup.components.first()).map(|sum| region(sum.output_axes()));
        let segments =
            circuit.tables.iter().flat_map(|table| &table.segments).map(|segment| region(&[segment.entries]));
        let mut coordinates: Vec<usize> = Vec::new();
        for contract in &circuit.contracts {
            let axes = contract.zero.output_axes();
            coordinates.resize(coordinates.len().max(axes.len()), 0);
            coordinates.iter_mut().zip(axes).for_each(|(most, &d)| *most = bits(d).max(*most));
        }
        Self {
            log_leaves: bits(lookups.chain(segments).fold(0u64, u64::saturating_add)),
            coordinates: coordinates.iter().sum(),
            contracts: circuit.contracts.len(),
            // Numerators, fingerprints, the affine claim, the key's seal.
            claims: factors(circuit).saturating_add(4),
        }
    }

    /// Terms of everything before the opening, given log2 of the list size of the joined word (`docs/protocol.md`).
    pub fn terms(&self, list: f64) -> Vec<(String, f64)> {
        let n = self.log_leaves.max(1) as f64;
        let tree = (3.0 * n * n + n) / 2.0;
        let contract = self.coordinates as f64 + self.contracts as f64 + 1.0 + (DEGREE * ROUNDS) as f64;
        let term = |name: &str, log: f64| (name.to_string(), FIELD_BITS - log - list);
        vec![
            term("lookup: LogUp identity (N+T)/|K| * L", n + 1.0),
            term("lookup: tree sum(3i+2)/|K| * L", tree.log2()),
            term("contract: (coordinates+R+1+4n)/|K| * L", contract.log2()),
            term("combine: claims/|K| * L", (self.claims as f64).log2()),
        ]
    }
}

/// Factors of all contracts, and of the definition of a virtual column once for every view that reads it: the claims of the
/// contractions are the distinct ones among those in products.
fn factors(circuit: &Circuit) -> usize {
    let count = |sum: &Sum| -> usize { sum.terms.iter().map(|term| term.factors.len()).sum() };
    let defined = |view: &View| match circuit.columns.get(view.column as usize).map(|column| &column.home) {
        Some(Home::Virtual(sum)) => count(sum),
        _ => 0,
    };
    let contracts = circuit.contracts.iter().map(|contract| count(&contract.zero));
    let components = circuit.lookups.iter().flat_map(|lookup| &lookup.components);
    let reads = components.flat_map(|sum| &sum.terms).flat_map(|term| &term.factors).map(defined);
    contracts.chain(reads).fold(0, usize::saturating_add)
}

/// Every term and the composition, for a finished circuit. The verifier refuses a key that misses [`PROFILE_BITS`].
pub fn security(circuit: &Circuit) -> Result<Security, Invalid> {
    let schedule = schedule(&circuit.parameters)?;
    let layout = Layout::new(circuit)?;
    let rate = schedule.log_inverse_rates().first().copied().unwrap_or(0);
    let mut all = Sizes::of(circuit).terms(list_bits(rate));
    all.push(key_term(layout.whole().cells(), list_bits(rate)));
    all.extend(terms(&schedule, shape(&layout).log_limbs()));
    let composed = composed(&all);
    Ok(Security { terms: all, composed })
}

/// A value out of domain: two words of the list of the weights' commitment, of so many cells, are told apart.
pub(crate) fn key_term(cells: u64, list: f64) -> (String, f64) {
    ("key: seal (L^2/2) cells/|K|".into(), seal_bits(cells, list))
}

fn seal_bits(cells: u64, list: f64) -> f64 {
    FIELD_BITS + 1.0 - 2.0 * list - (cells as f64).log2()
}

/// As [`security`], of a hiding proof with this layout: padded messages, `zeros` more claims, the check of the triples, the mask, and
/// the seals of named commitments.
pub fn hidden_security(
    circuit: &Circuit,
    schedule: &Schedule,
    layout: &Layout,
    variables: &Variables,
    zeros: usize,
) -> Security {
    let list = list_bits(schedule.log_inverse_rates().first().copied().unwrap_or(0));
    let seals = layout.uniform().seals.len();
    let mut all = hidden_terms(circuit, variables, zeros.saturating_add(seals), list);
    all.push(key_term(layout.whole().cells(), list));
    let named = |commitment| ("named: seal (L^2/2) cells/|K|".to_string(), seal_bits(layout.cells(commitment), list));
    all.extend((2..).take(seals).map(named));
    all.extend(terms(schedule, layout.log_limbs()));
    let composed = composed(&all);
    Security { terms: all, composed }
}

/// As [`security`], of a proof that hides all that can be hidden; `None` where the weights' commitment is made for none. One that shows
/// more has about as many bits: the verifier counts those of each.
///
/// # Errors
/// As [`security`].
pub fn security_when_hiding(circuit: &Circuit) -> Result<Option<Security>, Invalid> {
    if circuit.parameters.salt == 0 {
        return Ok(None);
    }
    let schedule = schedule(&circuit.parameters)?;
    let everything = HideSet { weights: true, publics: vec![true; circuit.publics.len()] };
    let circuit = committed(circuit, &schedule, &everything)?;
    let (variables, zeros) = count(&circuit)?;
    let layout = Layout::hiding(&circuit, &hiding(&schedule, &variables))?;
    Ok(Some(hidden_security(&circuit, &schedule, &layout, &variables, zeros)))
}

/// Terms of a hiding proof before the opening.
pub(crate) fn hidden_terms(circuit: &Circuit, variables: &Variables, zeros: usize, list: f64) -> Vec<(String, f64)> {
    let mut sizes = Sizes::of(circuit);
    sizes.claims = sizes.claims.saturating_add(zeros);
    let mut all = sizes.terms(list);
    let rounds = bits((variables.products.len() as u64).saturating_add(2)) as f64;
    all.push(("triples: 4n/|K| * L".into(), FIELD_BITS - (4.0 * rounds).log2() - list));
    all.push(("mask: 1/|K| * L".into(), FIELD_BITS - list));
    all
}

/// The opening's schedule of a finished circuit.
pub fn schedule(parameters: &Parameters) -> Result<Schedule, Invalid> {
    let wide = |list: &[u8]| list.iter().map(|&x| usize::from(x)).collect();
    Schedule::new(
        usize::from(parameters.log_rows),
        wide(&parameters.folds),
        wide(&parameters.log_inverse_rates),
        parameters.queries.iter().map(|&x| usize::from(x)).collect(),
        usize::from(parameters.salt),
    )
}

/// Limbs of the two commitments and their addresses. A commitment has at least one limb.
pub fn shape(layout: &Layout) -> Shape {
    let widths: Vec<usize> = layout.widths().iter().map(|&width| width.max(1)).collect();
    Shape { addresses: layout.addresses().to_vec(), widths }
}

/// The parameters as bytes, for the transcript.
pub fn parameter_bytes(parameters: &Parameters) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.u8(parameters.log_rows);
    writer.u32(parameters.reserved);
    writer.u8(parameters.salt);
    for list in [&parameters.folds, &parameters.log_inverse_rates] {
        writer.bytes(list);
    }
    writer.count(parameters.queries.len());
    parameters.queries.iter().for_each(|&count| writer.u16(count));
    writer.finish()
}
