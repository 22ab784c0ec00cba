//! The parameters of a circuit, chosen once, when it is compiled. Whoever verifies takes any that reach the profile.

use std::ops::RangeInclusive;

use tacit_algebra::multilinear::bits;
use tacit_circuit::{Circuit, Home, Parameters};
use tacit_columns::{LEAST_LOG_LIMBS, clear_rows, limb_counts};
use tacit_hide::Variables;
use tacit_open::choice::{Candidate, Choice, LOWEST_FIRST, Receipts, candidates, complete, fewest_queries, log_rows};
use tacit_open::security::list_bits;
use tacit_open::{MAX_LOG_LIMBS, Schedule};

use crate::hiding::{SALT, SEALED, count, hiding};
use crate::parameters::{LARGEST, Security, Sizes, hidden_terms, key_term};

/// log2 of the rows of the longest limbs.
const LONGEST: usize = 26;
/// Queries to oracle 0 that a candidate may lack, and rows T that follow from them.
const MORE_QUERIES: u64 = 8;
/// Eighths of a limb that may be reserved.
const MOST_RESERVED: u64 = 7;
/// log2 of the rows of limbs that have room for the rows T and for cells.
const TRACED_ROWS: usize = 13;
/// Limbs of a witness that hold the rows T (`docs/hiding.md`).
const TRACED: u64 = 4;
/// Processor nanoseconds, about: a fraction of the tree, a committed cell's arithmetic, a relation.
const FRACTION: u64 = 120;
const CELL: u64 = 60;
const RELATION: u64 = 500_000;

/// What is wanted of the parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wanted {
    pub receipts: Receipts,
    /// How many proofs the weights' commitment hides them in; with 0 no proof hides.
    pub openings: u32,
    /// Shares the commitment to the weights of another circuit with the same weight columns.
    pub like: Option<Like>,
}

/// What two circuits with one commitment to their weights have in common, the salt and the columns aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Like {
    pub log_rows: usize,
    /// -log2 of the commitments' rate.
    pub log_inverse_rate: usize,
    pub reserved: u32,
}

/// Chooses the parameters of an unfinished circuit for quick proofs that do not hide; returns the finished circuit's bytes.
///
/// # Errors
/// As [`finish_with`].
pub fn finish(bytes: &[u8]) -> Result<Vec<u8>, String> {
    finish_with(bytes, &Wanted::default())
}

/// As [`finish`], with the parameters that are wanted.
///
/// # Errors
/// A sentence, when the bytes are no circuit, or no parameters reach the profile, have room for the uniform rows of so many proofs, or
/// fit the other circuit's commitment.
pub fn finish_with(bytes: &[u8], wanted: &Wanted) -> Result<Vec<u8>, String> {
    let mut circuit = Circuit::decode(bytes).map_err(|error| error.to_string())?;
    circuit.parameters = Search::new(&circuit, wanted)?.run()?;
    Ok(circuit.encode())
}

/// What the choice depends on.
struct Search<'a> {
    circuit: &'a Circuit,
    wanted: &'a Wanted,
    /// Shapes of the columns of both commitments; a hidden tensor is committed with the witness: the most that any hide set asks for.
    commitments: [Vec<Vec<u64>>; 2],
    cells: [u64; 2],
    /// With openings: the variables of a hiding proof, and how many values must be zero.
    hidden: Option<(Variables, usize)>,
}

impl<'a> Search<'a> {
    fn new(circuit: &'a Circuit, wanted: &'a Wanted) -> Result<Self, String> {
        let hidden = match wanted.openings {
            0 => None,
            _ => Some(count(circuit).map_err(|error| error.to_string())?),
        };
        let shapes = |wanted: &dyn Fn(&Home) -> bool| -> Vec<Vec<u64>> {
            circuit.columns.iter().filter(|column| wanted(&column.home)).map(|column| column.shape.clone()).collect()
        };
        let witness = |home: &Home| match home {
            Home::Witness | Home::Count => true,
            Home::Public => wanted.openings > 0,
            Home::Weights | Home::Virtual(_) => false,
        };
        let commitments = [shapes(&|home| matches!(home, Home::Weights)), shapes(&witness)];
        let pads = hidden.as_ref().map_or(0, |(variables, _)| variables.count().saturating_mul(3));
        let [weights, witness] = commitments.each_ref().map(|shapes| size(shapes));
        Ok(Self { circuit, wanted, commitments, cells: [weights, witness.saturating_add(pads)], hidden })
    }

    /// The best candidate whose limbs turn out to fit.
    fn run(&self) -> Result<Parameters, String> {
        let mut failed = None;
        // Rows that the columns did not fit in: what else differs among candidates does not help.
        let mut short: Vec<usize> = Vec::new();
        for candidate in self.candidates() {
            let rows = candidate.schedule.log_rows();
            if short.contains(&rows) {
                continue;
            }
            match self.settle(&candidate.schedule) {
                Ok(parameters) => return Ok(parameters),
                Err(Failure::Layout(cause)) => {
                    short.push(rows);
                    failed = Some(Failure::Layout(cause));
                }
                Err(failure) => failed = Some(failure),
            }
        }
        Err(self.sentence(failed))
    }

    fn sentence(&self, failed: Option<Failure>) -> String {
        let openings = self.wanted.openings;
        match failed {
            _ if self.room(*self.rates().end()) > MOST_RESERVED << (LONGEST - 3) => {
                format!("no limbs have room for the uniform rows of {openings} hiding proofs: ask for fewer openings")
            }
            Some(Failure::Bits) => "no parameters reach 128 bits for a circuit of this size".into(),
            Some(Failure::Layout(cause)) if openings > 0 => format!(
                "it is too large for proofs that hide ({cause}): compile it at smaller shapes, or with openings=0 for proofs that hide nothing"
            ),
            Some(Failure::Layout(cause)) => cause,
            None if self.wanted.like.is_some() => {
                "it does not fit the limbs of the commitment that it shall share".into()
            }
            None if openings > 0 => format!(
                "its {} cells are too many for proofs that hide: compile it at smaller shapes, or with openings=0 for proofs that hide nothing",
                self.total()
            ),
            _ => format!("its {} cells are too many: compile it at smaller shapes", self.total()),
        }
    }

    fn total(&self) -> u64 {
        self.cells.iter().fold(0u64, |sum, &cells| sum.saturating_add(cells))
    }

    fn rates(&self) -> RangeInclusive<usize> {
        self.wanted.receipts.rates(self.total())
    }

    /// Rows of a weight limb that so many openings take at this rate, or a few more.
    fn room(&self, rate: usize) -> u64 {
        rows_for(fewest_queries(rate), self.wanted.openings)
    }

    fn candidates(&self) -> Vec<Candidate> {
        let total = self.total();
        let salt = if self.hidden.is_some() { usize::from(SALT) } else { 0 };
        let receipts = self.wanted.receipts;
        let least = log_rows(total);
        let shortest = least.saturating_sub(1).max(8).max(bits(self.room(*self.rates().end()))).min(LONGEST);
        let traced = if self.hidden.is_some() { TRACED_ROWS } else { 0 };
        let longest = least
            .saturating_add(2)
            .max(traced)
            .max(bits(self.room(*self.rates().start())).saturating_add(1))
            .min(LONGEST);
        let own = |schedule: &Schedule| self.limbs(schedule, self.own_reserved(schedule));
        let mut found = candidates(receipts, shortest..=longest, self.rates(), salt, self.outside(), own);
        if let Some(like) = self.wanted.like {
            // Chosen among all candidates, as if it stood alone, so that a circuit like itself gets its own parameters.
            let shares = |candidate: &Candidate| {
                let schedule = &candidate.schedule;
                let rate = schedule.log_inverse_rates().first();
                schedule.log_rows() == like.log_rows && rate == Some(&like.log_inverse_rate)
            };
            found.retain(shares);
            if found.is_empty() {
                let shared = |schedule: &Schedule| self.limbs(schedule, u64::from(like.reserved));
                let (rows, rates) = (like.log_rows..=like.log_rows, like.log_inverse_rate..=like.log_inverse_rate);
                found = candidates(receipts, rows, rates, salt, self.outside(), shared);
            }
        }
        found
    }

    /// Nanoseconds of what the parameters do not change.
    fn outside(&self) -> u64 {
        let lookups = self.circuit.lookups.iter().filter_map(|lookup| lookup.components.first());
        let leaves = lookups.map(|sum| sum.output_axes().iter().product::<u64>());
        let entries = self.circuit.tables.iter().flat_map(|table| &table.segments).map(|segment| segment.entries);
        let leaves = leaves.chain(entries).fold(0u64, u64::saturating_add);
        let relations = self.circuit.contracts.len().saturating_add(self.circuit.lookups.len()) as u64;
        outside(leaves, self.cells[1], relations)
    }

    /// Rows at the top of every weight limb that so many openings take.
    fn own_reserved(&self, schedule: &Schedule) -> u64 {
        let queries = schedule.queries().first().copied().unwrap_or(0) as u64;
        rows_for(queries, self.wanted.openings)
    }

    /// About how many limbs of each commitment the cells fill; `None` where the uniform rows leave no room.
    fn limbs(&self, schedule: &Schedule, reserved: u64) -> Option<Vec<usize>> {
        let rows = 1u64 << schedule.log_rows();
        let counted = |weights: u64, witness: u64| {
            let few = bits(weights.saturating_add(witness)) <= MAX_LOG_LIMBS;
            few.then(|| vec![weights as usize, witness as usize])
        };
        if reserved > MOST_RESERVED.saturating_mul(rows >> 3) {
            return None;
        }
        let [weights, witness] = self.cells;
        // Where rows are reserved columns are cut into blocks of a 32nd of a limb, of which whole ones fit.
        let block = if reserved == 0 { 1 } else { (rows >> 5).max(1) };
        let free = rows.checked_sub(reserved)?;
        let free = free.saturating_sub(free.checked_rem(block)?);
        let weights = weights.div_ceil(free).max(1);
        if self.hidden.is_none() {
            return counted(weights, witness.div_ceil(rows).max(1));
        }
        let queries = schedule.queries().first().copied().unwrap_or(0) as u64;
        let trace = schedule.trace();
        let traced = trace.iter().map(|run| run.end.saturating_sub(run.start)).fold(0, u64::saturating_add);
        if !keeps_clear(schedule) {
            return None;
        }
        for log_limbs in bits(weights.saturating_add(TRACED)).max(LEAST_LOG_LIMBS)..=MAX_LOG_LIMBS {
            let ordinary = rows.checked_sub(clear_rows(queries, log_limbs)).filter(|&rows| rows > 0)?;
            let masked = (log_limbs as u64).saturating_add(1);
            // Four limbs have less room, by the rows T.
            let room = masked.saturating_mul(ordinary).saturating_sub(TRACED.saturating_mul(traced));
            let own = masked.saturating_add(witness.saturating_sub(room).div_ceil(ordinary));
            if bits(weights.saturating_add(own)) <= log_limbs {
                return counted(weights, own);
            }
        }
        None
    }

    /// The parameters, with the queries that the limbs need as they are packed.
    fn settle(&self, candidate: &Schedule) -> Result<Parameters, Failure> {
        let rate = candidate.log_inverse_rates().first().copied().unwrap_or(0);
        let mut outer = match &self.hidden {
            None => Sizes::of(self.circuit).terms(list_bits(rate)),
            Some((variables, zeros)) => hidden_terms(self.circuit, variables, *zeros, list_bits(rate)),
        };
        if self.hidden.is_some() && !keeps_clear(candidate) {
            return Err(Failure::Room);
        }
        let layout = |error: tacit_transcript::Invalid| Failure::Layout(error.to_string());
        // More limbs ask for more bits, which may ask for more queries, hence more uniform rows: a few turns settle it.
        let (mut log_limbs, mut weights_limbs) = (0usize, 1u64);
        let sealed = outer.len();
        for _ in 0..8 {
            outer.truncate(sealed);
            outer.push(key_term(weights_limbs.saturating_mul(1 << candidate.log_rows()), list_bits(rate)));
            // A tensor with a commitment of its own takes more limbs.
            let more = usize::from(self.hidden.is_some());
            let choice = complete(candidate, log_limbs.saturating_add(more), &outer).map_err(|_| Failure::Bits)?;
            let own = self.own_reserved(&choice.schedule);
            let reserved = self.wanted.like.map_or(own, |like| u64::from(like.reserved));
            let queries = choice.schedule.queries().first().copied().unwrap_or(0) as u64;
            let hides = self.hidden.as_ref().map(|(variables, _)| hiding(&choice.schedule, variables));
            let least = if hides.is_some() { clear_rows(queries, MAX_LOG_LIMBS) } else { 0 };
            if reserved > MOST_RESERVED.saturating_mul(1 << candidate.log_rows() >> 3) || reserved < least {
                return Err(Failure::Room);
            }
            let counts = limb_counts(&self.commitments, candidate.log_rows(), reserved, hides.as_ref());
            let (widths, needed) = counts.map_err(layout)?;
            let own = widths.first().map_or(1, |&limbs| limbs as u64);
            if needed <= log_limbs && own <= weights_limbs {
                return Ok(encoded(&choice.schedule, reserved as u32));
            }
            (log_limbs, weights_limbs) = (needed, own);
        }
        Err(Failure::Room)
    }
}

/// Whether the rows T leave room for the masks above them, whatever the number of limbs: tensors that have commitments of
/// their own take more limbs than the circuit alone.
fn keeps_clear(schedule: &Schedule) -> bool {
    // The queries of a candidate may turn out a few more.
    let queries = schedule.queries().first().copied().unwrap_or(0) as u64;
    let above = clear_rows(queries.saturating_add(MORE_QUERIES), MAX_LOG_LIMBS);
    schedule.trace().last().is_none_or(|run| run.end.saturating_add(above) <= 1 << schedule.log_rows())
}

/// Why a candidate does not do.
enum Failure {
    Bits,
    Room,
    Layout(String),
}

/// Reserved rows for so many proofs that hide: at least those on which no limb has a column, however many limbs there are.
fn rows_for(queries: u64, openings: u32) -> u64 {
    match openings {
        0 => 0,
        _ => queries.saturating_mul(u64::from(openings)).saturating_add(SEALED).max(clear_rows(queries, MAX_LOG_LIMBS)),
    }
}

fn outside(leaves: u64, cells: u64, relations: u64) -> u64 {
    [(FRACTION, leaves), (CELL, cells), (RELATION, relations)]
        .into_iter()
        .fold(0, |sum, (price, count)| sum.saturating_add(count.saturating_mul(price)))
}

fn size(shapes: &[Vec<u64>]) -> u64 {
    shapes.iter().map(|shape| shape.iter().product::<u64>()).fold(0, u64::saturating_add)
}

fn encoded(schedule: &Schedule, reserved: u32) -> Parameters {
    let narrow = |list: &[usize]| list.iter().map(|&x| x as u8).collect();
    Parameters {
        log_rows: schedule.log_rows() as u8,
        reserved,
        salt: schedule.salt() as u8,
        folds: narrow(schedule.folds()),
        log_inverse_rates: narrow(schedule.log_inverse_rates()),
        queries: schedule.queries().iter().map(|&x| x as u16).collect(),
    }
}

/// The soundness of any circuit of so many leaves and committed cells, with the parameters that [`finish`] would choose; what
/// else the terms depend on is charged as in the largest well-formed circuit, and the lists as at the lowest rate that any gets.
///
/// # Errors
/// A sentence, when no circuit is so large, or no parameters reach the profile.
pub fn security_of_size(leaves: u64, cells: u64) -> Result<Security, String> {
    let sizes = Sizes { log_leaves: bits(leaves), ..LARGEST };
    // However cells are split between two commitments, they fill at most one limb more than one commitment of all of them.
    let limbs = |rows: usize| cells.div_ceil(1 << rows).saturating_add(1);
    let least = log_rows(cells);
    if sizes.log_leaves > LARGEST.log_leaves || bits(limbs(least)) > MAX_LOG_LIMBS {
        return Err(format!("no circuit has {leaves} leaves and {cells} cells"));
    }
    let counted =
        |schedule: &Schedule| Some(vec![1, usize::try_from(limbs(schedule.log_rows())).unwrap_or(usize::MAX)]);
    let (rows, receipts) = (least.saturating_sub(1).max(8)..=least.saturating_add(2).min(LONGEST), Receipts::Quick);
    let found = candidates(receipts, rows, receipts.rates(cells), 0, outside(leaves, cells, 0), counted);
    let complete = |candidate: &Candidate| -> Option<Choice> {
        let rows = candidate.schedule.log_rows();
        let mut outer = sizes.terms(list_bits(LOWEST_FIRST));
        outer.push(key_term(limbs(rows) << rows, list_bits(LOWEST_FIRST)));
        complete(&candidate.schedule, bits(limbs(rows)), &outer).ok()
    };
    let choice = found.iter().find_map(complete).ok_or("no parameters reach 128 bits for a circuit of this size")?;
    Ok(Security { terms: choice.terms, composed: choice.composed })
}

#[cfg(test)]
mod tests {
    use tacit_circuit::Column;
    use tacit_open::security::composed;

    use super::*;
    use crate::parameters::PROFILE_BITS;

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

    /// A circuit of weights of so many cells, a column each.
    fn weights(cells: &[u64]) -> Vec<u8> {
        let column = |&cells: &u64| Column { name: "w".into(), shape: vec![cells], bytes: 1, home: Home::Weights };
        Circuit { columns: cells.iter().map(column).collect(), ..Circuit::default() }.encode()
    }

    fn hiding_in(cells: &[u64], openings: u32) -> Result<Parameters, String> {
        let finished = finish_with(&weights(cells), &Wanted { openings, ..Wanted::default() })?;
        Ok(Circuit::decode(&finished).unwrap().parameters)
    }

    #[test]
    fn the_reason_why_a_circuit_cannot_hide_is_said() {
        let found = hiding_in(&[1000], 100).unwrap();
        assert_eq!(found.reserved, u32::from(found.queries[0]) * 100 + 3);
        let error = hiding_in(&[1000], 1 << 20).unwrap_err();
        assert_eq!(error, "no limbs have room for the uniform rows of 1048576 hiding proofs: ask for fewer openings");
        // Uniform rows cut columns into short blocks; a circuit with twice as many as are allowed can be proved, but not hidden.
        let huge = vec![1 << 39; 2];
        let error = hiding_in(&huge, 100).unwrap_err();
        assert!(error.starts_with("it is too large for proofs that hide ("), "{error}");
        assert!(
            error.ends_with("compile it at smaller shapes, or with openings=0 for proofs that hide nothing"),
            "{error}"
        );
        assert!(hiding_in(&huge, 0).is_ok());
    }

    #[test]
    fn a_circuit_like_itself_gets_its_own_parameters() {
        for receipts in [Receipts::Quick, Receipts::Small] {
            for (cells, openings) in [(5000, 0), (5000, 7), (3 << 20, 0), (3 << 20, 100)] {
                let wanted = Wanted { receipts, openings, like: None };
                let first = finish_with(&weights(&[cells]), &wanted).unwrap();
                let own = Circuit::decode(&first).unwrap().parameters;
                let like = Like {
                    log_rows: usize::from(own.log_rows),
                    log_inverse_rate: usize::from(own.log_inverse_rates[0]),
                    reserved: own.reserved,
                };
                let like = Wanted { like: Some(like), ..wanted };
                assert_eq!(finish_with(&first, &like).unwrap(), first);
                // A much shorter one gets the same limbs and rate: they share one tree.
                let shorter = finish_with(&weights(&[cells / 100]), &like).unwrap();
                let shorter = Circuit::decode(&shorter).unwrap().parameters;
                assert_eq!(
                    (shorter.log_rows, shorter.reserved, shorter.salt, shorter.log_inverse_rates[0]),
                    (own.log_rows, own.reserved, own.salt, own.log_inverse_rates[0])
                );
            }
        }
    }
}
