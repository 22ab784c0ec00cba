"""Weakened seals, of keys and of named commitments; what a receipt states of the latter, and what hides in them."""

from __future__ import annotations

from mutant import Cargo, Edit, Mutant


def whole(*names: str) -> Cargo:
    return Cargo("tacit-proof", "named", names)


def inside(*names: str) -> Cargo:
    return Cargo("tacit-proof", "lib", names)


NAMED_FILE = "crates/proof/src/named.rs"
SEAL = "prove::forged::a_seal_is_that_of_the_committed_tensor"
MALFORMED = "malformed_lists_of_commitments_are_refused"

KEY_SEAL = "prove::forged::the_seal_of_a_key_is_that_of_the_committed_weights"

KEYS = (
    Mutant(
        "the key's seal makes no claim in a transparent proof",
        (
            Edit("crates/proof/src/verify.rs", "                claims.push(self.seal.claim(&self.layout));\n", ""),
            Edit("crates/proof/src/prove.rs", "                claims.push(self.seal.claim(stage.layout));\n", ""),
        ),
        inside(KEY_SEAL),
    ),
    Mutant(
        "the key's seal makes no claim in a proof that hides",
        (
            Edit(
                "crates/proof/src/hiding.rs",
                "std::iter::once(Ok(seals.weights.claim(&self.layout))).chain(named)",
                "std::iter::once(Ok(seals.weights.claim(&self.layout))).take(0).chain(named)",
            ),
        ),
        inside(KEY_SEAL),
    ),
    Mutant(
        "the key's seal is not absorbed",
        (Edit("crates/proof/src/statement.rs", 'transcript.absorb("model seal", &to_bytes(self.weights_seal));', ""),),
        inside("statement::tests::statements_that_differ_in_one_part_have_other_challenges"),
    ),
    Mutant(
        "the key's seal is that of the sum of all limbs",
        (Edit("crates/columns/src/whole.rs", "[(z.exp_u64(rows), limbs), (z, rows)]", "[(z.exp_u64(0), limbs), (z, rows)]"),),
        Cargo("tacit-columns", "layout", ("dense_and_closed_form_are_the_form",)),
    ),
    Mutant(
        "the key's seal has one point for all roots",
        (Edit("crates/proof/src/seal.rs", 'transcript.absorb("root", root);', 'transcript.absorb("root", &root[..0]);'),),
        inside("named::tests::the_form_of_a_seal_is_its_value"),
    ),
    Mutant(
        "a seal in a key may be written in two ways",
        (
            Edit(
                "crates/proof/src/format.rs",
                ".ok().and_then(from_bytes);",
                ".ok().map(|seal| from_bytes(seal).unwrap_or_default());",
            ),
        ),
        Cargo("tacit-proof", "adversary", ("seals_of_keys_have_one_encoding",)),
    ),
    Mutant(
        "no reserved rows for the key's seal",
        (Edit("crates/proof/src/hiding.rs", "pub const SEALED: u64 = 3;", "pub const SEALED: u64 = 0;"),),
        Cargo("tacit-proof", "lib", ("choose::tests::the_reason_why_a_circuit_cannot_hide_is_said",)),
    ),
    Mutant(
        "weights of rank one are not added to the rounds over limbs",
        (
            Edit(
                "crates/protocols/open/src/prove/batch.rs",
                "map_or(message, |apart| apart.join(message))",
                "map_or(message, |_| message)",
            ),
        ),
        Cargo("tacit-open", "opening", ("honest_proofs_are_accepted",)),
    ),
)

NAMED = (
    Mutant(
        "seals make no claim",
        (
            Edit(
                "crates/proof/src/hiding.rs",
                "seals.named.iter().zip(columns).map(",
                "seals.named.iter().zip(columns).take(0).map(",
            ),
        ),
        inside(SEAL),
    ),
    Mutant(
        "named commitments are not absorbed",
        (
            Edit(
                "crates/proof/src/statement.rs",
                'transcript.absorb("linked commitment", &named.encode());',
                'transcript.absorb("linked commitment", &named.encode()[..0]);',
            ),
        ),
        inside("statement::tests::statements_that_differ_in_one_part_have_other_challenges"),
    ),
    Mutant(
        "a tensor with a commitment may be stored in any shape",
        (Edit(NAMED_FILE, "if long(&column.shape) == long(&public.shape) {", "if long(&column.shape) != [u64::MAX] {"),),
        inside("named::tests::a_tensor_that_is_stored_in_another_shape_has_no_commitment"),
    ),
    Mutant(
        "named bindings come in any order",
        (Edit(NAMED_FILE, "is_none_or(|last| last.binding < binding)", "is_none_or(|last| last.binding != u32::MAX)"),),
        whole(MALFORMED),
    ),
    Mutant(
        "a shown tensor may have a commitment",
        (Edit(NAMED_FILE, "if !ascends || !set.hides(binding as usize) {", "if !ascends || set.publics.is_empty() {"),),
        whole(MALFORMED),
    ),
    Mutant(
        "a list of commitments may be empty",
        (Edit(NAMED_FILE, "if found.is_empty() { Err(wrong) } else { Ok(found) }", "Ok(found)"),),
        whole(MALFORMED),
    ),
    Mutant(
        "a seal is not masked",
        (Edit("crates/proof/src/blinding.rs", "randomness.cells(SEAL, 3)", "vec![0; 3]"),),
        inside(SEAL),
    ),
    Mutant(
        "the limbs of a named commitment have no uniform rows",
        (
            Edit(
                "crates/proof/src/prove.rs",
                "            uniform(&mode.layout, commitment, &mut more.0, secret);\n",
                "            let _ = (commitment, secret);\n",
            ),
        ),
        whole("opened_rows_of_a_named_commitment_depend_on_its_secret"),
    ),
)
