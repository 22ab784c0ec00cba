//! Stage 1: everything that the statement depends on is absorbed before anything is drawn.

use tacit_transcript::{Digest, Transcript};

use crate::hiding::HideSet;

/// The version of keys and of transparent receipts; a part of their transcripts.
pub const FORMAT: u16 = 1;
/// The version of receipts that hide.
pub const HIDING_FORMAT: u16 = 2;

/// What a receipt states, as bytes.
#[derive(Debug, Clone, Copy)]
pub struct Statement<'a> {
    pub circuit_digest: &'a Digest,
    /// The encoding of all parameters of the profile.
    pub parameters: &'a [u8],
    pub weights_root: &'a Digest,
    pub hidden: Option<&'a HideSet>,
    /// The shown columns, in the order of the circuit's bindings.
    pub publics: &'a [Vec<u8>],
    pub context: &'a [u8],
}

impl Statement<'_> {
    /// The transcript after stage 1; the witness' root follows.
    pub fn bind(&self, witness_root: &Digest) -> Transcript {
        let mut transcript = Transcript::new("tacit");
        let format = if self.hidden.is_some() { HIDING_FORMAT } else { FORMAT };
        let hidden = self.hidden.map(HideSet::encode).unwrap_or_default();
        transcript.absorb("format", &format.to_le_bytes());
        transcript.absorb("profile 128", self.parameters);
        transcript.absorb("hidden", &[&(hidden.len() as u32).to_le_bytes(), hidden.as_slice()].concat());
        transcript.absorb("circuit", self.circuit_digest);
        transcript.absorb("model commitment", self.weights_root);
        transcript.absorb("linked commitments", &0u32.to_le_bytes());
        transcript.absorb("public tensors", &(self.publics.len() as u32).to_le_bytes());
        for public in self.publics {
            transcript.absorb("public tensor", public);
        }
        transcript.absorb("context", self.context);
        transcript.absorb("witness commitment", witness_root);
        transcript
    }
}

#[cfg(test)]
mod tests {
    use tacit_algebra::K;

    use super::*;

    fn drawn(statement: &Statement<'_>, witness_root: &Digest) -> K {
        statement.bind(witness_root).draw("lookup alpha")
    }

    #[test]
    fn statements_that_differ_in_one_part_have_other_challenges() {
        let (zeros, ones) = ([0; 32], [1; 32]);
        let publics = [vec![1, 2], vec![3]];
        let (shifted, fewer) = ([vec![1], vec![2, 3]], [vec![1, 2]]);
        let plain = Statement {
            circuit_digest: &zeros,
            parameters: &[1],
            weights_root: &zeros,
            hidden: None,
            publics: &publics,
            context: b"context",
        };
        let set = |weights, publics: &[bool]| HideSet { weights, publics: publics.to_vec() };
        let sets = [set(true, &[false, false]), set(false, &[true, false]), set(true, &[true, false])];
        let others = [
            Statement { hidden: Some(&sets[0]), ..plain },
            Statement { hidden: Some(&sets[1]), ..plain },
            Statement { hidden: Some(&sets[2]), ..plain },
            Statement { circuit_digest: &ones, ..plain },
            Statement { parameters: &[2], ..plain },
            Statement { weights_root: &ones, ..plain },
            Statement { publics: &shifted, ..plain },
            Statement { publics: &fewer, ..plain },
            Statement { context: b"contexts", ..plain },
            Statement { context: b"", ..plain },
        ];
        let mut found: Vec<K> = others.iter().map(|statement| drawn(statement, &zeros)).collect();
        found.extend([drawn(&plain, &zeros), drawn(&plain, &ones)]);
        assert!(found.iter().enumerate().all(|(i, a)| !found[i + 1..].contains(a)));
    }
}
