//! How claims flow: lookup -> contract -> combine -> open. Both sides walk this file's order, and both readings.

use tacit_algebra::K;
use tacit_algebra::field::PrimeCharacteristicRing;
use tacit_circuit::{Circuit, Home, Values};
use tacit_columns::{Claim, Form, FormTerm, Views, known};
use tacit_transcript::{Invalid, Reading};

/// All claims left by lookup and contract. Contract's total of the virtual products is taken off the fingerprints' claim.
pub fn gather<V>(lookup: Option<(Claim<V>, Claim<V>)>, virtual_total: V, contract: Vec<Claim<V>>) -> Vec<Claim<V>>
where
    V: tacit_transcript::Value,
{
    let mut claims = Vec::new();
    if let Some((numerators, fingerprints)) = lookup {
        claims.push(numerators);
        claims.push(Claim { form: fingerprints.form, value: fingerprints.value - virtual_total });
    }
    claims.extend(contract);
    claims
}

/// Reads lookup and contract: the claims that they leave.
///
/// # Errors
/// When the proof ends early, a message is not canonical, or a check fails.
pub fn outer<R: Reading>(
    circuit: &Circuit,
    views: &mut Views,
    reading: &mut R,
) -> Result<Vec<Claim<R::Value>>, Invalid> {
    let lookup = tacit_lookup::verify(circuit, views, reading)?;
    let (claims, virtuals) = match lookup {
        Some(reduced) => (Some((reduced.numerators, reduced.fingerprints)), reduced.virtuals),
        None => (None, Vec::new()),
    };
    let contract = tacit_contract::verify(circuit, &virtuals, views, reading)?;
    Ok(gather(claims, contract.virtual_total, contract.claims))
}

/// Powers of `zeta` turn all claims into one: `<form, committed columns> = value`. Terms on public columns are evaluated; columns behind
/// the circuit's are committed ones.
pub fn combine(circuit: &Circuit, values: &Values, claims: Vec<Claim<K>>, zeta: K) -> Result<(Form, K), Invalid> {
    let (mut form, mut total, mut power) = (Vec::new(), K::ZERO, K::ONE);
    for claim in claims {
        total += power * claim.value;
        for term in claim.form {
            match circuit.columns.get(term.column as usize).map(|column| &column.home) {
                None | Some(Home::Weights | Home::Witness | Home::Count) => {
                    form.push(FormTerm { coefficient: power * term.coefficient, ..term });
                }
                Some(Home::Public) => {
                    let cells =
                        values.columns.get(term.column as usize).ok_or(Invalid::Circuit("a column has no values"))?;
                    total -= power * term.coefficient * known(cells, &term.weights);
                }
                Some(Home::Virtual(_)) => return Err(Invalid::Circuit("a claim on a virtual column")),
            }
        }
        power *= zeta;
    }
    Ok((form, total))
}
