"""Weakened hiding proofs: checks that become claims on pads, products, the hide set, salts."""

from __future__ import annotations

from mutant import Cargo, Edit, Mutant


def soundness(*names: str) -> Cargo:
    return Cargo("tacit-proof", "hidden_soundness", names)


def reading(*names: str) -> Cargo:
    return Cargo("tacit-hide", "lib", tuple(f"prove::tests::{name}" for name in names))


HIDE = "crates/protocols/hide/src/"
PLACE = "crates/columns/src/blinding.rs"
MODE = "crates/proof/src/hiding.rs"
STATEMENT = "crates/proof/src/statement.rs"
WEAK = "commitments_that_cannot_hide_make_no_hiding_receipt"
RESERVED = Cargo("tacit-circuit", "encoding", ("seven_eighths_of_a_limb_may_be_reserved",))
OTHER_SET = "a_receipt_with_another_hide_set_is_refused"

HIDING = (
    Mutant(
        "a hidden check makes no claim",
        (Edit(HIDE + "reading.rs", "        self.zeros.push(value);\n", "        drop(value);\n"),),
        soundness("every_cell_matters"),
    ),
    Mutant(
        "what must be zero is not combined",
        (
            Edit(MODE, ".chain(zeros.iter().cloned())", ".chain(zeros.iter().take(0).cloned())"),
            Edit(MODE, "claims.chain(zeros).chain(sealed)", "claims.chain(zeros.take(0)).chain(sealed)"),
        ),
        soundness("every_cell_matters"),
    ),
    Mutant(
        "products are not checked",
        (Edit(HIDE + "triples.rs", "self.zeros.push(target - Affine::from", "drop(target - Affine::from"),),
        reading("a_forged_product_is_caught_by_the_triples_alone"),
    ),
    Mutant(
        "the disclosed values of the triples are not those of the products",
        (Edit(HIDE + "triples.rs", "zeros.push(Affine::new(-value, terms))", "zeros.push(Affine::new(-value, terms) * K::ZERO)"),),
        reading("a_changed_variable_breaks_a_claim"),
    ),
    Mutant(
        "the hide set is not absorbed",
        (Edit(STATEMENT, "self.hidden.map(HideSet::encode).unwrap_or_default()", "Vec::<u8>::new()"),),
        soundness(OTHER_SET),
    ),
    Mutant(
        "a hide set may be empty",
        (Edit(MODE, " && bytes.contains(&1)", ""),),
        soundness(OTHER_SET),
    ),
    Mutant(
        "a commitment that cannot hide is taken for one that does",
        (Edit(MODE, "circuit.parameters.salt < SALT", "circuit.parameters.salt > 64"),),
        soundness(WEAK),
    ),
    Mutant(
        "a first fold of one variable is taken for one that hides",
        (Edit(MODE, "schedule.folds().first() == Some(&1)", "schedule.folds().first() == Some(&0)"),),
        soundness(WEAK),
    ),
    Mutant(
        "weights without reserved rows are taken for hidden ones",
        (
            Edit(
                MODE,
                "u64::from(circuit.parameters.reserved) < clear_rows(queries, LEAST_LOG_LIMBS)",
                "clear_rows(queries, LEAST_LOG_LIMBS) == u64::MAX",
            ),
            Edit(PLACE, "if reserved < hiding.clear(log_limbs) {", "if reserved == u64::MAX {"),
        ),
        soundness(WEAK),
    ),
    Mutant(
        "one reserved row too few for a proof, the masks and the key's seal",
        (
            Edit(MODE, "< clear_rows(queries, LEAST_LOG_LIMBS)", "< clear_rows(queries - 1, LEAST_LOG_LIMBS)"),
            Edit(PLACE, "if reserved < hiding.clear(log_limbs) {", "if reserved + 1 < hiding.clear(log_limbs) {"),
        ),
        soundness(WEAK),
    ),
    Mutant(
        "all rows of a limb may be reserved",
        (Edit("crates/circuit/src/validate.rs", "let most = 7u64 << log_rows", "let most = 8u64 << log_rows"),),
        RESERVED,
    ),
    Mutant(
        "one row more than seven eighths of a limb may be reserved",
        (Edit("crates/circuit/src/validate.rs", "u64::from(*reserved) <= most,", "u64::from(*reserved) <= most + 1,"),),
        RESERVED,
    ),
)
