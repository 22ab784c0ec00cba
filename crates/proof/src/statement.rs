//! Stage 1: everything that the statement depends on is absorbed before anything is drawn.

use tacit_transcript::{Digest, Transcript};

/// The version of the protocol; a part of every transcript.
pub const FORMAT: u16 = 1;

/// What a receipt states, as bytes.
#[derive(Debug, Clone, Copy)]
pub struct Statement<'a> {
    pub circuit_digest: &'a Digest,
    /// The encoding of all parameters of the profile.
    pub parameters: &'a [u8],
    pub weights_root: &'a Digest,
    /// The public columns, in the order of the circuit's bindings.
    pub publics: &'a [Vec<u8>],
    pub context: &'a [u8],
}

impl Statement<'_> {
    /// The transcript after stage 1; the witness' root follows.
    pub fn bind(&self, witness_root: &Digest) -> Transcript {
        let mut transcript = Transcript::new("tacit");
        transcript.absorb("format", &FORMAT.to_le_bytes());
        transcript.absorb("profile 128", self.parameters);
        transcript.absorb("hidden", &0u32.to_le_bytes());
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
            publics: &publics,
            context: b"context",
        };
        let others = [
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
