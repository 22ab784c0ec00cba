"""Weakened named commitments: what a receipt states of them, their seals, and what hides in them."""

from __future__ import annotations

from mutant import Cargo, Edit, Mutant


def whole(*names: str) -> Cargo:
    return Cargo("tacit-proof", "named", names)


def inside(*names: str) -> Cargo:
    return Cargo("tacit-proof", "lib", names)


NAMED_FILE = "crates/proof/src/named.rs"
SEAL = "prove::forged::a_seal_is_that_of_the_committed_tensor"
MALFORMED = "malformed_lists_of_commitments_are_refused"

NAMED = (
    Mutant(
        "seals make no claim",
        (
            Edit(
                "crates/proof/src/hiding.rs",
                "zeta.powers().skip(affine.len()).zip(named.iter().zip(seals))",
                "zeta.powers().skip(affine.len()).zip(named.iter().zip(seals)).take(0)",
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
