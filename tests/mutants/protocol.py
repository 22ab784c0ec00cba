"""Weakened transcripts, statements, lookups, contracts and openings."""

from __future__ import annotations

from mutant import Cargo, Edit, Mutant


def adaptive(*names: str) -> Cargo:
    return Cargo("tacit-proof", "adaptive", names)


def tamper(*names: str) -> Cargo:
    return Cargo("tacit-proof", "tamper", names)


def adversary(*names: str) -> Cargo:
    return Cargo("tacit-proof", "adversary", names)


def whole(*names: str) -> Cargo:
    return Cargo("tacit-proof", "whole", names)


SMALL = "every_step_of_a_small_proof_altered"
LARGE = "every_step_of_a_proof_with_every_stage_altered"
ORDER = "the_steps_come_in_the_documented_order"
BOUND = "every_part_of_the_statement_moves_the_challenges"

ALGEBRA = "crates/algebra/src/lib.rs"
TRANSCRIPT = "crates/transcript/src/lib.rs"
SPONGE = "crates/transcript/src/sponge.rs"
MERKLE = "crates/transcript/src/merkle.rs"
STATEMENT = "crates/proof/src/statement.rs"
STAGES = "crates/proof/src/stages.rs"
VERIFY = "crates/proof/src/verify.rs"
FORMAT = "crates/proof/src/format.rs"
LOOKUP = "crates/protocols/lookup/src/"
CONTRACT = "crates/protocols/contract/src/"
OPEN = "crates/protocols/open/src/"

DRAW_BETAS = "sender.draw_many(labels::BETA, regions.width.saturating_add(1))"
READ_BETAS = "reading.draw_many(labels::BETA, regions.width.saturating_add(1))"


def shared_betas(draw: str) -> str:
    return f"{{ let mut betas = {draw}; let first = betas[1]; betas.iter_mut().skip(1).for_each(|b| *b = first); betas }}"


def unabsorbed(name: str, line: str, catcher: Cargo | None = None, file: str = STATEMENT) -> Mutant:
    return Mutant(f"{name} is not absorbed", (Edit(file, line, ""),), catcher or adaptive(BOUND))


TRANSCRIPTS = (
    Mutant(
        "labels and messages are not framed",
        (Edit(SPONGE, "    out.extend_from_slice(&(bytes.len() as u64).to_le_bytes());\n", ""),),
        Cargo("tacit-transcript", "separation", ("frames_separate_label_and_message",)),
    ),
    Mutant(
        "a draw does not count",
        (Edit(SPONGE, "        self.drawn = self.drawn.wrapping_add(1);\n", ""),),
        Cargo("tacit-transcript", "separation", ("draws_differ",)),
    ),
    Mutant(
        "leaves and nodes hash alike",
        (Edit(MERKLE, "const LEAF: u8 = 0;", "const LEAF: u8 = 1;"),),
        Cargo("tacit-transcript", "separation", ("a_node_is_no_leaf",)),
    ),
    Mutant(
        "draws and absorptions hash alike",
        (Edit(SPONGE, "const DRAW: u8 = 3;", "const DRAW: u8 = 2;"),),
        Cargo("tacit-transcript", "separation", ("first_bytes_are_distinct",)),
    ),
    Mutant(
        "a sent message is not absorbed",
        (
            Edit(TRANSCRIPT, "        self.transcript.chain(label, bytes);\n", ""),
            Edit(TRANSCRIPT, "        self.transcript.absorb(label, bytes);\n        Ok(bytes)", "        Ok(bytes)"),
        ),
        tamper("every_message_moves_the_next_challenge"),
    ),
    Mutant(
        "a word above the modulus is read",
        (Edit(ALGEBRA, "        if value >= P {\n            return None;\n        }\n", ""),),
        Cargo("tacit-open", "opening", ("words_above_the_modulus_are_refused",)),
    ),
    Mutant(
        "a cell above the modulus is read",
        (
            Edit(
                OPEN + "verify.rs",
                "if word < F::ORDER_U64 { Ok(F::from_u64(word)) } else {",
                "if word < u64::MAX { Ok(F::from_u64(word)) } else {",
            ),
        ),
        Cargo("tacit-open", "opening", ("words_above_the_modulus_are_refused",)),
    ),
    Mutant(
        "bytes may follow a proof",
        (Edit(TRANSCRIPT, 'if self.rest.is_empty() { Ok(()) } else { Err(Invalid::Trailing("the proof")) }', "Ok(())"),),
        whole("every_byte_of_a_receipt_matters"),
    ),
    Mutant(
        "bytes may follow a receipt",
        (Edit(FORMAT, "        if reader.remaining() != 0 {\n            return Err(Invalid::Trailing(WHAT));\n        }\n", ""),),
        adversary("mutated_keys_and_receipts"),
    ),
    Mutant("a Merkle root is not compared", (Edit(MERKLE, "if known == [(0, *root)] {", "if !known.is_empty() {"),), tamper(SMALL)),
)

STATEMENTS = (
    unabsorbed("the format", '        transcript.absorb("format", &format(self.hidden, self.named).to_le_bytes());\n'),
    unabsorbed("the profile", '        transcript.absorb("profile 128", self.parameters);\n'),
    unabsorbed("the circuit's digest", '        transcript.absorb("circuit", self.circuit_digest);\n'),
    unabsorbed("the weights' root", '        transcript.absorb("model commitment", self.weights_root);\n'),
    unabsorbed("a public tensor", '            transcript.absorb("public tensor", public);\n'),
    unabsorbed("the context", '        transcript.absorb("context", self.context);\n'),
    unabsorbed("the witness' root", '        transcript.absorb("witness commitment", witness_root);\n'),
    unabsorbed(
        "the opened value",
        '    transcript.absorb("opening: claim", &to_bytes(value));\n',
        tamper("the_manifest_names_every_step"),
        OPEN + "schedule.rs",
    ),
    Mutant(
        "the circuit is not compared with the key's",
        (Edit(VERIFY, "receipt.circuit_digest != self.key.circuit_digest", "receipt.circuit_digest.is_empty()"),),
        whole("another_context_weights_or_circuit_are_refused"),
    ),
    Mutant(
        "the weights are not compared with the key's",
        (Edit(VERIFY, "receipt.weights_root != self.key.weights_root", "receipt.weights_root.is_empty()"),),
        whole("another_context_weights_or_circuit_are_refused"),
    ),
    Mutant(
        "the context is not compared",
        (Edit(VERIFY, "if receipt.context != context {", "if receipt.context.len() != context.len() {"),),
        whole("another_context_weights_or_circuit_are_refused"),
    ),
    Mutant(
        "a public value may leave its interval",
        (Edit(VERIFY, "cells.iter().any(|&cell| cell < binding.lowest || cell > binding.highest)", "cells.is_empty()"),),
        whole("public_values_outside_their_interval_are_refused"),
    ),
    Mutant(
        "a key may be weak",
        (Edit(VERIFY, "security.composed < PROFILE_BITS", "security.composed < 0.0 * PROFILE_BITS"),),
        whole("weak_parameters_are_refused_by_the_verifier"),
    ),
)

LOOKUPS = (
    Mutant(
        "tables have no tags",
        (Edit(LOOKUP + "claims.rs", "self.betas.first().copied().unwrap_or(K::ZERO) * tag", "K::ZERO * tag"),),
        adaptive("a_tuple_of_another_table"),
    ),
    Mutant(
        "positions of a tuple share a challenge",
        (
            Edit(LOOKUP + "prove/mod.rs", DRAW_BETAS, shared_betas(DRAW_BETAS)),
            Edit(LOOKUP + "verify.rs", READ_BETAS, shared_betas(READ_BETAS)),
        ),
        adaptive("a_tuple_with_the_sum_of_another"),
    ),
    Mutant(
        "the root's numerator is not checked",
        (
            Edit(
                LOOKUP + "verify.rs",
                "        reading.require_zero(value - target, if level == 0",
                "        let value = if level == 0 { target.clone() } else { value };\n"
                "        reading.require_zero(value - target, if level == 0",
            ),
        ),
        adversary("a_remainder_outside_its_range"),
    ),
    Mutant(
        "levels below the root are not checked",
        (
            Edit(
                LOOKUP + "verify.rs",
                "        reading.require_zero(value - target, if level == 0",
                "        let value = if level > 0 { target.clone() } else { value };\n"
                "        reading.require_zero(value - target, if level == 0",
            ),
        ),
        tamper(SMALL),
    ),
    Mutant(
        "fingerprints are not joined to numerators",
        (
            Edit(
                LOOKUP + "prove/mod.rs", "lambda = sender.draw(labels::LAMBDA);", "lambda = sender.draw(labels::LAMBDA) * K::ZERO;"
            ),
            Edit(
                LOOKUP + "verify.rs", "lambda = reading.draw(labels::LAMBDA);", "lambda = reading.draw(labels::LAMBDA) * K::ZERO;"
            ),
        ),
        adaptive("fingerprints_that_leave_the_numerator_alone"),
    ),
    Mutant(
        "the claim on multiplicities is dropped",
        (Edit(STAGES, "        claims.push(numerators);\n", "        drop(numerators);\n"),),
        adaptive("multiplicities_that_were_not_committed"),
    ),
    Mutant(
        "the claim on fingerprints is dropped",
        (
            Edit(
                STAGES,
                "        claims.push(Claim { form: fingerprints.form, value: fingerprints.value - virtual_total });\n",
                "        let _ = (fingerprints, virtual_total);\n",
            ),
        ),
        whole("a_consistent_lie_is_caught_by_the_relation_that_it_breaks"),
    ),
)

CONTRACTS = (
    Mutant(
        "the contraction's last equation is not checked",
        (
            Edit(
                CONTRACT + "verify.rs",
                "        reading.require_zero(total - target,",
                "        let _ = target;\n        reading.require_zero(total.clone() - total,",
            ),
        ),
        tamper(SMALL, LARGE),
    ),
    Mutant(
        "the claim on affine parts is dropped",
        (Edit(CONTRACT + "plan.rs", "        affine.into_iter().chain(", "        affine.filter(|_| false).into_iter().chain("),),
        adaptive("the_only_false_claim"),
    ),
    Mutant(
        "contracts share a challenge",
        (
            Edit(
                CONTRACT + "plan.rs", "            plan.power *= gamma;\n", "            plan.power *= K::ONE + gamma * K::ZERO;\n"
            ),
        ),
        adaptive("two_relations_false_by_opposite_amounts"),
    ),
    Mutant(
        "contracts are checked at one corner",
        (Edit(CONTRACT + "plan.rs", '.map(|_| draw("contract point"))', '.map(|_| draw("contract point") * K::ZERO)'),),
        whole("a_consistent_lie_is_caught_by_the_relation_that_it_breaks"),
    ),
    Mutant(
        "claims share a challenge",
        (Edit(STAGES, "        power *= zeta;\n", "        power *= K::ONE + zeta * K::ZERO;\n"),),
        adaptive("factor_values_exchanged"),
    ),
)

OPENINGS = (
    Mutant(
        "the value out of the domain is not checked",
        (
            Edit(
                OPEN + "prove/mod.rs",
                "(z, coefficients.next().unwrap_or(K::ZERO))",
                "(z, coefficients.next().unwrap_or(K::ZERO) * K::ZERO)",
            ),
            Edit(OPEN + "verify.rs", "[(z, y)].into_iter()", "[(z, y * K::ZERO)].into_iter()"),
            Edit(
                OPEN + "verify.rs",
                "            state.added.push(Added { coefficient, x,",
                "            let coefficient = if x == z { K::ZERO } else { coefficient };\n"
                "            state.added.push(Added { coefficient, x,",
            ),
        ),
        tamper(LARGE),
    ),
    Mutant(
        "rows are not checked against the fold",
        (
            Edit(
                OPEN + "prove/mod.rs",
                ".map(|&position| schedule.point(i - 1, position)).zip(coefficients)",
                ".map(|&position| schedule.point(i - 1, position)).zip(coefficients).take(0)",
            ),
            Edit(OPEN + "verify.rs", "[(z, y)].into_iter().chain(answers)", "[(z, y)].into_iter().chain(answers).take(1)"),
        ),
        adaptive("witness_replaced_below_the_first_fold"),
    ),
    Mutant(
        "the final polynomial is not checked",
        (
            Edit(
                OPEN + "verify.rs",
                "sum * x + coefficient) != value {",
                "sum * x + coefficient) != value && schedule.log_rows() > 64 {",
            ),
        ),
        adversary("weights_replaced_between_commitment_and_opening"),
    ),
    Mutant(
        "the opening's last equation is not checked",
        (
            Edit(
                OPEN + "verify.rs",
                "if vector * weight == state.target {",
                "if vector * weight == state.target || schedule.log_rows() < 64 {",
            ),
        ),
        adversary("late_multiplicities"),
    ),
    Mutant(
        "half of the queries are answered",
        (
            Edit(
                OPEN + "schedule.rs",
                "self.queries.get(i).copied().unwrap_or(0)",
                "self.queries.get(i).copied().unwrap_or(0).div_ceil(2)",
            ),
        ),
        adversary("the_second_writing_agrees_with_the_first"),
    ),
    Mutant(
        "a fold is drawn before its message",
        (
            Edit(
                OPEN + "prove/mod.rs",
                '    sender.disclose("opening: round", constant);\n    sender.disclose("opening: round", leading);\n'
                '    sender.draw("opening: fold")\n',
                '    sender.disclose("opening: round", constant);\n    let at = sender.draw("opening: fold");\n'
                '    sender.disclose("opening: round", leading);\n    at\n',
            ),
            Edit(
                OPEN + "verify.rs",
                '            let leading = receiver.receive("opening: round")?;\n'
                '            let at = receiver.draw("opening: fold");\n',
                '            let at = receiver.draw("opening: fold");\n'
                '            let leading = receiver.receive("opening: round")?;\n',
            ),
        ),
        tamper(ORDER),
    ),
)

PROTOCOL = TRANSCRIPTS + STATEMENTS + LOOKUPS + CONTRACTS + OPENINGS
