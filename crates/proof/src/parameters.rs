//! The profile `128`: parameters of a circuit's opening, and every soundness term of its proofs.

use tacit_circuit::{Circuit, CircuitError, Parameters};
use tacit_algebra::multilinear::bits;
use tacit_columns::Layout;
use tacit_open::security::{FIELD_BITS, list_bits};

/// The soundness of a circuit's proofs: error terms in bits (-log2 of a probability), and their sum.
#[derive(Debug, Clone)]
pub struct Security {
    pub terms: Vec<(String, f64)>,
    pub composed: f64,
}

/// Product terms (two or three factors) of contracts and of virtual columns, counted with their factors.
fn factors(circuit: &Circuit) -> usize {
    let contracts = circuit.contracts.iter().map(|contract| &contract.zero);
    let virtuals = circuit.columns.iter().filter_map(|column| match &column.home {
        tacit_circuit::Home::Virtual(sum) => Some(sum),
        _ => None,
    });
    // A virtual column may be used by several lookups; each use is an instance of its own.
    let uses = 1 + circuit.lookups.iter().map(|lookup| lookup.components.len()).sum::<usize>();
    let count = |sum: &tacit_circuit::Sum| -> usize { sum.terms.iter().map(|term| term.factors.len()).sum() };
    contracts.map(count).sum::<usize>() + uses.min(1 << 20) * virtuals.map(count).max().unwrap_or(0)
}

/// log2 of the leaves of the fraction tree, padded axis by axis and packed.
fn log_leaves(circuit: &Circuit) -> usize {
    let region = |axes: &[u64]| -> u64 { 1u64.checked_shl(axes.iter().map(|&d| bits(d) as u32).sum()).unwrap_or(u64::MAX) };
    let lookups = circuit.lookups.iter().filter_map(|lookup| lookup.components.first()).map(|sum| region(sum.output_axes()));
    let segments = circuit.tables.iter().flat_map(|table| &table.segments).map(|segment| region(&[segment.entries]));
    bits(lookups.chain(segments).fold(0u64, u64::saturating_add))
}

/// Terms of everything before the opening, given log2 of the list size of the joined word (`docs/protocol.md`).
fn outer_terms(circuit: &Circuit, list: f64) -> Vec<(String, f64)> {
    let n = log_leaves(circuit).max(1);
    let tree: f64 = (0..n).map(|i| 3.0 * i as f64 + 2.0).sum();
    let claims = factors(circuit) + 3;
    let relations = circuit.contracts.len() + 1;
    vec![
        ("lookup: LogUp identity (N+T)/|K| * L".into(), FIELD_BITS - (n as f64 + 1.0) - list),
        ("lookup: tree sum(3i+2)/|K| * L".into(), FIELD_BITS - tree.log2() - list),
        ("contract: (slots+R+4n)/|K| * L".into(), FIELD_BITS - ((64 * 8 + relations + 4 * 64) as f64).log2() - list),
        ("combine: claims/|K| * L".into(), FIELD_BITS - (claims as f64).log2() - list),
    ]
}
