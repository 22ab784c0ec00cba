//! The profile `128`: parameters of a circuit's opening, and every soundness term of its proofs.

use tacit_algebra::multilinear::bits;
use tacit_circuit::{Circuit, Home, Parameters, Writer};
use tacit_columns::{Layout, limb_counts};
use tacit_open::security::{
    Choice, FIELD_BITS, FIRST_RATE, choose, choose_smallest, composed, estimated_bytes, list_bits, rows_to_try, terms,
};
use tacit_open::{Schedule, Shape};
use tacit_transcript::Invalid;

/// Bits that every circuit's proofs must have, all terms summed.
pub const PROFILE_BITS: f64 = 128.0;

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
    contracts.map(count).sum::<usize>().saturating_add(uses.saturating_mul(virtuals.map(count).max().unwrap_or(0)))
}

/// log2 of the leaves of the fraction tree, padded axis by axis and packed.
fn log_leaves(circuit: &Circuit) -> usize {
    let region =
        |axes: &[u64]| -> u64 { 1u64.checked_shl(axes.iter().map(|&d| bits(d) as u32).sum()).unwrap_or(u64::MAX) };
    let lookups =
        circuit.lookups.iter().filter_map(|lookup| lookup.components.first()).map(|sum| region(sum.output_axes()));
    let segments = circuit.tables.iter().flat_map(|table| &table.segments).map(|segment| region(&[segment.entries]));
    bits(lookups.chain(segments).fold(0u64, u64::saturating_add))
}

/// Terms of everything before the opening, given log2 of the list size of the joined word (`docs/protocol.md`).
fn outer_terms(circuit: &Circuit, list: f64) -> Vec<(String, f64)> {
    let n = log_leaves(circuit).max(1);
    let tree: f64 = (0..n).map(|i| 3.0 * i as f64 + 2.0).sum();
    let claims = factors(circuit).saturating_add(3);
    let relations = circuit.contracts.len() + 1;
    vec![
        ("lookup: LogUp identity (N+T)/|K| * L".into(), FIELD_BITS - (n as f64 + 1.0) - list),
        ("lookup: tree sum(3i+2)/|K| * L".into(), FIELD_BITS - tree.log2() - list),
        ("contract: (slots+R+4n)/|K| * L".into(), FIELD_BITS - ((64 * 8 + relations + 4 * 64) as f64).log2() - list),
        ("combine: claims/|K| * L".into(), FIELD_BITS - (claims as f64).log2() - list),
    ]
}

/// Every term and the composition, for a finished circuit. The verifier refuses a key that misses [`PROFILE_BITS`].
pub fn security(circuit: &Circuit) -> Result<Security, Invalid> {
    let schedule = schedule(&circuit.parameters)?;
    let layout = Layout::new(circuit)?;
    let rate = schedule.log_inverse_rates().first().copied().unwrap_or(0);
    let mut all = outer_terms(circuit, list_bits(rate));
    all.extend(terms(&schedule, shape(&layout).log_limbs()));
    let composed = composed(&all);
    Ok(Security { terms: all, composed })
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
    let total: usize = widths.iter().sum();
    Shape { addresses: (0..total as u64).collect(), widths }
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

/// The recommended schedule and about how many bytes it takes.
fn fastest(rows: usize, limbs: &[usize], outer: &[(String, f64)]) -> Result<(usize, Choice), Invalid> {
    let choice = choose(rows, bits(limbs.iter().map(|&count| count as u64).sum()), outer)?;
    Ok((estimated_bytes(&choice.schedule, limbs), choice))
}

/// Chooses the parameters of an unfinished circuit; returns the finished circuit's bytes.
///
/// # Errors
/// A sentence, when the bytes are no circuit, or no parameters reach the profile.
pub fn finish(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let mut circuit = Circuit::decode(bytes).map_err(|error| error.to_string())?;
    let shapes = |wanted: fn(&Home) -> bool| -> Vec<Vec<u64>> {
        circuit.columns.iter().filter(|column| wanted(&column.home)).map(|column| column.shape.clone()).collect()
    };
    let commitments =
        [shapes(|home| matches!(home, Home::Weights)), shapes(|home| matches!(home, Home::Witness | Home::Count))];
    let size = |shapes: &Vec<Vec<u64>>| -> u64 {
        shapes.iter().map(|shape| shape.iter().product::<u64>()).fold(0, u64::saturating_add)
    };
    let cells: Vec<u64> = commitments.iter().map(size).collect();
    let outer = outer_terms(&circuit, list_bits(FIRST_RATE));
    let small = rows_to_try(&cells).count() > 1;
    let mut best: Option<(usize, Choice)> = None;
    for rows in rows_to_try(&cells) {
        let limbs = limb_counts(&commitments, rows, 0).map_err(|error| error.to_string())?;
        let limbs: Vec<usize> = limbs.iter().map(|&count| count.max(1)).collect();
        let (bytes, choice) = if small { choose_smallest(rows, &limbs, &outer) } else { fastest(rows, &limbs, &outer) }
            .map_err(|_| "no parameters reach 128 bits for a circuit of this size".to_string())?;
        if best.as_ref().is_none_or(|(least, _)| bytes < *least) {
            best = Some((bytes, choice));
        }
    }
    let (_, choice) = best.ok_or("no parameters to choose from")?;
    let narrow = |list: &[usize]| list.iter().map(|&x| x as u8).collect();
    circuit.parameters = Parameters {
        log_rows: choice.schedule.log_rows() as u8,
        reserved: 0,
        salt: choice.schedule.salt() as u8,
        folds: narrow(choice.schedule.folds()),
        log_inverse_rates: narrow(choice.schedule.log_inverse_rates()),
        queries: choice.schedule.queries().iter().map(|&x| x as u16).collect(),
    };
    Ok(circuit.encode())
}
