//! The verifier's work on a circuit, whatever the proof says: every check passes, so that nothing ends it early.

use tacit_algebra::K;
use tacit_algebra::field::PrimeCharacteristicRing;
use tacit_circuit::Circuit;
use tacit_columns::{Claim, Form, Layout, Views};
use tacit_transcript::{Invalid, Reading, Transcript};

/// A reading in which all messages are zero, challenges are drawn from an empty transcript, and every value counts as zero.
struct Indulgent(Transcript);

impl Reading for Indulgent {
    type Value = K;

    fn receive(&mut self, _: &'static str) -> Result<K, Invalid> {
        Ok(K::ZERO)
    }

    fn draw(&mut self, label: &'static str) -> K {
        self.0.draw(label)
    }

    fn multiply(&mut self, a: &K, b: &K) -> K {
        *a * *b
    }

    fn require_zero(&mut self, _: K, _: &'static str) -> Result<(), Invalid> {
        Ok(())
    }
}

/// Both reductions, and the form's evaluation at a point. Errors are answers; only panics and hours are not.
pub fn exert(circuit: &Circuit) {
    let _ = reduce(circuit);
}

fn reduce(circuit: &Circuit) -> Result<K, Invalid> {
    let layout = Layout::new(circuit)?;
    let (mut views, mut reading) = (Views::default(), Indulgent(Transcript::new("effort")));
    let (mut form, mut virtuals) = (Form::new(), Vec::new());
    let mut keep = |claim: Claim<K>| {
        form.extend(claim.form.into_iter().filter(|term| layout.shape_of(term.column).is_some()));
    };
    if let Some(reduced) = tacit_lookup::verify(circuit, &mut views, &mut reading)? {
        keep(reduced.numerators);
        keep(reduced.fingerprints);
        virtuals = reduced.virtuals;
    }
    let reduced = tacit_contract::verify(circuit, &virtuals, &mut views, &mut reading)?;
    reduced.claims.into_iter().for_each(&mut keep);
    let point = reading.draw_many("point", layout.log_limbs() + layout.log_rows());
    layout.evaluate(&form, &point)
}
