//! The profile `128`: parameters of a circuit's opening, and every soundness term of its proofs.

use tacit_algebra::multilinear::bits;
use tacit_circuit::{Circuit, Home, Parameters, Sum, View, Writer};
use tacit_columns::{Layout, limb_counts};
use tacit_hide::Variables;
use tacit_open::security::{
    Choice, FIELD_BITS, FIRST_RATE, choose, choose_smallest, composed, estimated_bytes, list_bits, log_rows,
    rows_to_try, terms,
};
use tacit_open::{MAX_LOG_LIMBS, Schedule, Shape};
use tacit_transcript::Invalid;

use crate::hiding::{SALT, count, hiding};

/// log2 of the rows of the longest limbs.
const LONGEST: usize = 26;
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
struct Sizes {
    /// log2 of the leaves of the fraction tree, padded axis by axis and packed.
    log_leaves: usize,
    /// Coordinates of the contracts' points.
    coordinates: usize,
    contracts: usize,
    /// A bound on the claims that are combined.
    claims: usize,
}

/// Variables of the sumcheck of all contracts, and the degree of its rounds, in any well-formed circuit.
const ROUNDS: usize = 64;
const DEGREE: usize = 4;

/// What no well-formed circuit exceeds: its work (2^26, 64 or more for a term or a relation) bounds terms of three factors and
/// relations by 2^20; points have at most 64 axes of fewer than 2^40 positions.
const LARGEST: Sizes = Sizes { log_leaves: 61, coordinates: 64 * 40, contracts: 1 << 20, claims: 3 + (3 << 20) };

impl Sizes {
    fn of(circuit: &Circuit) -> Self {
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
            claims: factors(circuit).saturating_add(3),
        }
    }

    /// Terms of everything before the opening, given log2 of the list size of the joined word (`docs/protocol.md`).
    fn terms(&self, list: f64) -> Vec<(String, f64)> {
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
    all.extend(terms(&schedule, shape(&layout).log_limbs()));
    let composed = composed(&all);
    Ok(Security { terms: all, composed })
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
    // A value out of domain for each: two codewords of a list are told apart.
    all.extend((2..).take(seals).map(|commitment| {
        let cells = layout.cells(commitment) as f64;
        ("named: seal (L^2/2) cells/|K|".to_string(), FIELD_BITS + 1.0 - 2.0 * list - cells.log2())
    }));
    all.extend(terms(schedule, layout.log_limbs()));
    let composed = composed(&all);
    Security { terms: all, composed }
}

/// Terms of a hiding proof before the opening.
fn hidden_terms(circuit: &Circuit, variables: &Variables, zeros: usize, list: f64) -> Vec<(String, f64)> {
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

/// The recommended schedule and about how many bytes it takes.
fn fastest(rows: usize, limbs: &[usize], outer: &[(String, f64)]) -> Result<(usize, Choice), Invalid> {
    let choice = choose(rows, bits(limbs.iter().map(|&count| count as u64).sum()), outer)?;
    Ok((estimated_bytes(&choice.schedule, limbs), choice))
}

/// The schedule of commitments of `cells` cells each, in limbs of 2^rows rows if that is given; `limbs` gives their limbs of
/// 2^rows rows.
fn chosen(
    cells: &[u64],
    rows: Option<usize>,
    sizes: Sizes,
    limbs: impl Fn(usize) -> Result<Vec<usize>, Invalid>,
) -> Result<Choice, String> {
    let outer = sizes.terms(list_bits(FIRST_RATE));
    let small = rows_to_try(cells).count() > 1;
    let mut best: Option<(usize, Choice)> = None;
    for rows in rows.map_or(rows_to_try(cells), |rows| rows..=rows) {
        let limbs: Vec<usize> =
            limbs(rows).map_err(|error| error.to_string())?.iter().map(|&count| count.max(1)).collect();
        let (bytes, choice) = if small { choose_smallest(rows, &limbs, &outer) } else { fastest(rows, &limbs, &outer) }
            .map_err(|_| "no parameters reach 128 bits for a circuit of this size".to_string())?;
        if best.as_ref().is_none_or(|(least, _)| bytes < *least) {
            best = Some((bytes, choice));
        }
    }
    best.map(|(_, choice)| choice).ok_or("no parameters to choose from".into())
}

/// Chooses the parameters of an unfinished circuit; returns the finished circuit's bytes.
///
/// # Errors
/// A sentence, when the bytes are no circuit, or no parameters reach the profile.
pub fn finish(bytes: &[u8]) -> Result<Vec<u8>, String> {
    finish_in_limbs(bytes, None, 0)
}

/// As [`finish`], with limbs of 2^`log_rows` rows if that is given: circuits with the same weight columns and limbs of one
/// length have one commitment to the weights. With `openings` the weights' commitment serves so many proofs that hide; without, none.
///
/// # Errors
/// As [`finish`], and when the circuit does not fit limbs of that length.
pub fn finish_in_limbs(bytes: &[u8], log_rows: Option<usize>, openings: u32) -> Result<Vec<u8>, String> {
    let mut circuit = Circuit::decode(bytes).map_err(|error| error.to_string())?;
    let shapes = |wanted: fn(&Home) -> bool| -> Vec<Vec<u64>> {
        circuit.columns.iter().filter(|column| wanted(&column.home)).map(|column| column.shape.clone()).collect()
    };
    let weights = shapes(|home| matches!(home, Home::Weights));
    circuit.parameters = if openings == 0 {
        let commitments = [weights, shapes(|home| matches!(home, Home::Witness | Home::Count))];
        let cells = commitments.each_ref().map(|shapes| size(shapes));
        let limbs = |rows: usize| Ok(limb_counts(&commitments, rows, 0, None)?.0);
        encoded(&chosen(&cells, log_rows, Sizes::of(&circuit), limbs)?.schedule, 0, 0)
    } else {
        // Hidden tensors are committed with the witness: the most that any hide set asks for.
        let commitments = [weights, shapes(|home| matches!(home, Home::Witness | Home::Count | Home::Public))];
        hiding_parameters(&circuit, &commitments, log_rows, openings)?
    };
    Ok(circuit.encode())
}

fn size(shapes: &[Vec<u64>]) -> u64 {
    shapes.iter().map(|shape| shape.iter().product::<u64>()).fold(0, u64::saturating_add)
}

fn encoded(schedule: &Schedule, reserved: u32, salt: u8) -> Parameters {
    let narrow = |list: &[usize]| list.iter().map(|&x| x as u8).collect();
    Parameters {
        log_rows: schedule.log_rows() as u8,
        reserved,
        salt,
        folds: narrow(schedule.folds()),
        log_inverse_rates: narrow(schedule.log_inverse_rates()),
        queries: schedule.queries().iter().map(|&x| x as u16).collect(),
    }
}

/// The shortest limbs that have room for the uniform rows of `openings` proofs in half of their rows, and for those of a witness.
fn hiding_parameters(
    circuit: &Circuit,
    commitments: &[Vec<Vec<u64>>; 2],
    log_rows: Option<usize>,
    openings: u32,
) -> Result<Parameters, String> {
    let (variables, zeros) = count(circuit).map_err(|error| error.to_string())?;
    let outer = hidden_terms(circuit, &variables, zeros, list_bits(FIRST_RATE));
    let least = tacit_open::security::log_rows(&commitments.each_ref().map(|shapes| size(shapes)));
    let tried = log_rows.map_or(least..=LONGEST, |rows| rows..=rows);
    for rows in tried {
        // More limbs ask for more bits, which may ask for more queries, hence more reserved rows: a few turns settle it.
        let mut log_limbs = 0;
        for _ in 0..8 {
            let Ok(choice) = choose(rows, log_limbs, &outer) else { break };
            let queries = choice.schedule.queries().first().copied().unwrap_or(0) as u64;
            let reserved = queries.saturating_mul(u64::from(openings));
            if reserved.saturating_mul(2) >= 1 << rows {
                break;
            }
            let hiding = hiding(&choice.schedule, &variables);
            let Ok((_, needed)) = limb_counts(commitments, rows, reserved, Some(&hiding)) else { break };
            if needed <= log_limbs {
                return Ok(encoded(&choice.schedule, reserved as u32, SALT));
            }
            log_limbs = needed;
        }
    }
    Err(format!("no limbs have room for the uniform rows of {openings} hiding proofs: ask for fewer openings"))
}

/// The soundness of any circuit of so many leaves and committed cells, with the parameters that [`finish`] would choose; what
/// else the terms depend on is charged as in the largest well-formed circuit.
///
/// # Errors
/// A sentence, when no circuit is so large, or no parameters reach the profile.
pub fn security_of_size(leaves: u64, cells: u64) -> Result<Security, String> {
    let sizes = Sizes { log_leaves: bits(leaves), ..LARGEST };
    let both = [0, cells];
    // However cells are split between two commitments, they fill at most one limb more than one commitment of all of them.
    let limbs = |rows: usize| Ok(vec![1, usize::try_from(cells.div_ceil(1 << rows)).unwrap_or(usize::MAX)]);
    let most = cells.div_ceil(1 << log_rows(&both)).saturating_add(1);
    if sizes.log_leaves > LARGEST.log_leaves || bits(most) > MAX_LOG_LIMBS {
        return Err(format!("no circuit has {leaves} leaves and {cells} cells"));
    }
    let choice = chosen(&both, None, sizes, limbs)?;
    Ok(Security { terms: choice.terms, composed: choice.composed })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn circuits_of_every_size_reach_the_profile() {
        for (leaves, cells) in [(0, 0), (1 << 10, 1 << 12), (1 << 20, 1 << 20), (1 << 28, 1 << 30), (1 << 34, 1 << 36)]
        {
            let security = security_of_size(leaves, cells).unwrap();
            assert!(security.composed >= PROFILE_BITS, "{leaves} {cells}: {}", security.composed);
            assert!((composed(&security.terms) - security.composed).abs() < 1e-12);
        }
    }

    #[test]
    fn what_is_too_large_is_refused() {
        assert!(security_of_size((1 << 61) + 1, 1).is_err());
        assert!(security_of_size(1, 1 << 42).is_err());
        assert!(security_of_size(u64::MAX, u64::MAX).is_err());
        // A sum of 2^58 fractions: the identity alone takes more than 2^-128.
        assert_eq!(
            security_of_size(1 << 58, 1).unwrap_err(),
            "no parameters reach 128 bits for a circuit of this size"
        );
    }
}
