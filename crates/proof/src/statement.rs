//! Stage 1: everything that the statement depends on is absorbed before anything is drawn.

use tacit_algebra::{K, to_bytes};
use tacit_transcript::{Digest, Transcript};

use crate::hiding::HideSet;
use crate::named::Named;

/// The version of keys.
pub const KEY_FORMAT: u16 = 2;
/// The version of transparent receipts; a part of their transcripts.
pub const FORMAT: u16 = 1;
/// The version of receipts that hide.
pub const HIDING_FORMAT: u16 = 2;
/// The version of receipts in which hidden tensors have commitments of their own.
pub const NAMED_FORMAT: u16 = 3;

/// What a receipt states, as bytes.
#[derive(Debug, Clone, Copy)]
pub struct Statement<'a> {
    pub circuit_digest: &'a Digest,
    /// The encoding of all parameters of the profile.
    pub parameters: &'a [u8],
    pub weights_root: &'a Digest,
    /// The key's.
    pub weights_seal: K,
    pub hidden: Option<&'a HideSet>,
    /// Of hidden tensors, by binding.
    pub named: &'a [Named],
    /// The shown columns, in the order of the circuit's bindings.
    pub publics: &'a [Vec<u8>],
    pub context: &'a [u8],
}

/// The format of a receipt.
pub fn format(hidden: Option<&HideSet>, named: &[Named]) -> u16 {
    match (hidden, named) {
        (None, _) => FORMAT,
        (Some(_), []) => HIDING_FORMAT,
        (Some(_), _) => NAMED_FORMAT,
    }
}

impl Statement<'_> {
    /// The transcript after stage 1; the witness' root follows.
    pub fn bind(&self, witness_root: &Digest) -> Transcript {
        let mut transcript = Transcript::new("tacit");
        let hidden = self.hidden.map(HideSet::encode).unwrap_or_default();
        transcript.absorb("format", &format(self.hidden, self.named).to_le_bytes());
        transcript.absorb("profile 128", self.parameters);
        transcript.absorb("hidden", &[&(hidden.len() as u32).to_le_bytes(), hidden.as_slice()].concat());
        transcript.absorb("circuit", self.circuit_digest);
        transcript.absorb("model commitment", self.weights_root);
        transcript.absorb("model seal", &to_bytes(self.weights_seal));
        transcript.absorb("linked commitments", &(self.named.len() as u32).to_le_bytes());
        for named in self.named {
            transcript.absorb("linked commitment", &named.encode());
        }
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
    use tacit_algebra::field::PrimeCharacteristicRing;

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
            weights_seal: K::ONE,
            hidden: None,
            named: &[],
            publics: &publics,
            context: b"context",
        };
        let set = |weights, publics: &[bool]| HideSet { weights, publics: publics.to_vec() };
        let sets = [set(true, &[false, false]), set(false, &[true, false]), set(true, &[true, false])];
        let name = |binding, root, seal| [Named { binding, root, seal: K::from_u8(seal) }];
        let named = [name(0, zeros, 1), name(1, zeros, 1), name(0, ones, 1), name(0, zeros, 2)];
        let two = named.concat();
        let others = [
            Statement { hidden: Some(&sets[0]), ..plain },
            Statement { hidden: Some(&sets[1]), ..plain },
            Statement { hidden: Some(&sets[2]), ..plain },
            Statement { hidden: Some(&sets[2]), named: &named[0], ..plain },
            Statement { hidden: Some(&sets[2]), named: &named[1], ..plain },
            Statement { hidden: Some(&sets[2]), named: &named[2], ..plain },
            Statement { hidden: Some(&sets[2]), named: &named[3], ..plain },
            Statement { hidden: Some(&sets[2]), named: &two, ..plain },
            Statement { circuit_digest: &ones, ..plain },
            Statement { parameters: &[2], ..plain },
            Statement { weights_root: &ones, ..plain },
            Statement { weights_seal: K::TWO, ..plain },
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
