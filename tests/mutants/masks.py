"""Hiding proofs of which one mask is missing. All of them verify: only tests of what they show can notice."""

from __future__ import annotations

from mutant import Cargo, Edit, Mutant


def statistics(*names: str) -> Cargo:
    return Cargo("tacit-proof", "hidden_statistics", names)


def ranks(*names: str) -> Cargo:
    return Cargo("tacit-proof", "hidden_rank", names)


UNIFORM = statistics("every_word_is_uniform_though_the_challenges_are_fixed")
MESSAGES = statistics("messages_satisfy_no_equation")
TRIPLES = statistics("the_last_values_of_the_triples_satisfy_no_equation")
OPENED = statistics("opened_elements_of_a_limb_satisfy_no_equation")
ROUNDS = statistics("masks_alone_blind_the_rounds_over_limbs")
SALTS = statistics("salts_are_uniform_and_used_once")
LAYOUT = ranks("nothing_leaks_from_a_hiding_layout")
GROUPS = ranks("without_one_group_of_uniform_cells_something_leaks")
"""Without the spare mask rows, which stand in for a few rows T that are missing."""

PADS = "crates/protocols/hide/src/prove/mod.rs"
FORM = "crates/protocols/hide/src/reading.rs"
MODE = "crates/proof/src/hiding.rs"
FILL = "crates/proof/src/blinding.rs"
PROVE = "crates/proof/src/prove.rs"
VERIFY = "crates/proof/src/verify.rs"
PLACE = "crates/columns/src/blinding.rs"
TRACE = "crates/protocols/open/src/schedule.rs"
SALT = "crates/protocols/open/src/prove/encode.rs"
SEED = "crates/transcript/src/prove/randomness.rs"

DRAWN = "let mut values = drawn[..pads].to_vec();"
DUMMY = "[dummy[0], dummy[1], dummy[0] * dummy[1]]"
NOISE = "randomness.cells(NOISE, length(noise))"
MASK = "randomness.cells(stream, length(mask))"
MASKED = "form.extend(mode.mask(z, xi));\n    value += xi * masked;"
POWERS, SAME = "zip(z.powers().skip(1))", "zip(std::iter::repeat(z))"
TRACED = "if limb < TRACED {"
HELD, TOP = "mask: mask.clone()", "Kept::top(log_rows, "
CLEAR_ROWS = "3u64.saturating_mul(log_limbs as u64).saturating_add(6).saturating_add(queries)"
SECOND_BLOCK = "want(1, shown(i.saturating_sub(1)).saturating_add(1));"
SALTED = "self.randomness.bytes(self.stream, leaf * self.size as u64 / 4, part);"
BLINDING = "blinding.clone().unwrap_or_else(Randomness::public)"


def mutant(name: str, file: str, old: str, new: str, caught_by: Cargo) -> Mutant:
    return Mutant(name, (Edit(file, old, new),), caught_by)


def without(what: str, commitment: int) -> str:
    """Zeros in one of the two commitments."""
    return f"if commitment == {commitment} {{ vec![0; length(noise)] }} else {{ {what} }}"


MASKS = (
    # Messages before the opening.
    mutant("no pads", PADS, DRAWN, "let mut values = vec![K::ZERO; pads];", UNIFORM),
    mutant("one pad for all messages", PADS, DRAWN, "let mut values = vec![drawn[0]; pads];", MESSAGES),
    mutant("no dummy triples", PADS, DUMMY, f"{DUMMY}.map(|value| value * K::ZERO)", TRIPLES),
    mutant("one dummy triple", PADS, DUMMY, f"{DUMMY}.map(|value| value * K::from_bool(dummy == &drawn[pads..pads + 3]))", TRIPLES),
    # Rounds over limbs.
    mutant("no masks", FILL, MASK, "vec![0; length(mask)]", ROUNDS),
    mutant("no mask in one limb", FILL, MASK, f"if stream == MASKS + 1 {{ vec![0; length(mask)] }} else {{ {MASK} }}", ROUNDS),
    mutant("one mask for all limbs", FILL, MASK, "randomness.cells(MASKS + 0 * stream, length(mask))", ROUNDS),
    mutant("the claim is without its mask", MODE, MASKED, "form.extend(mode.mask(z, xi - xi));\n    let _ = masked;", ROUNDS),
    Mutant(
        "all limbs have one mask form",
        (
            Edit(FORM, f"masks.iter().{POWERS}", f"masks.iter().{SAME}"),
            Edit(FILL, f"mask_columns(layout).into_iter().{POWERS}", f"mask_columns(layout).into_iter().{SAME}"),
        ),
        ROUNDS,
    ),
    mutant("too few mask rows", PLACE, CLEAR_ROWS, "queries.saturating_add(log_limbs as u64 - 2)", GROUPS),
    mutant("a limb without mask rows", PLACE, HELD, "mask: if limb == 1 { 0..0 } else { mask.clone() }", GROUPS),
    # Opened rows of oracle 0.
    mutant("no uniform rows in the limbs of weights", FILL, NOISE, without(NOISE, 0), UNIFORM),
    mutant("no uniform rows in the limbs of the witness", FILL, NOISE, without(NOISE, 1), OPENED),
    mutant("too few rows in the limbs of weights", PLACE, f"{TOP}reserved)", f"{TOP}2)", LAYOUT),
    mutant("too few rows in other limbs", PLACE, f"{TOP}self.clear(log_limbs))", f"{TOP}self.queries - 1)", LAYOUT),
    # Rows T: later oracles, values out of the domain, later rounds, the final polynomial.
    mutant("no limb has rows T", PLACE, TRACED, "if limb < TRACED - 4 {", GROUPS),
    mutant("two limbs have rows T", PLACE, TRACED, "if limb < TRACED - 2 {", GROUPS),
    mutant("no rows T for the final polynomial", TRACE, "once(0..1 << self.log_final())", "once(0..1)", GROUPS),
    mutant("no rows T for opened rows", TRACE, "vec![shown(i); 1 << fold]", "vec![0u64; 1 << fold]", GROUPS),
    mutant("no rows T for values out of the domain", TRACE, SECOND_BLOCK, "want(1, shown(i.saturating_sub(1)));", GROUPS),
    mutant("no rows T for values at queries", TRACE, SECOND_BLOCK, "want(1, 1);", GROUPS),
    mutant("no rows T for the rounds", TRACE, "want(1 << j, 2)", "want(1 << j, 0)", GROUPS),
    # Hidden tensors; leaves that are not opened; seeds.
    Mutant(
        "hidden tensors travel all the same",
        (
            Edit(PROVE, "|(set, _)| !set.hides(*index)", "|(set, _)| !set.hides(*index) || true"),
            Edit(VERIFY, "|set| !set.hides(index)", "|set| !set.hides(index) || true"),
        ),
        Cargo("tacit-proof", "hiding", ("every_hide_set_is_proved_and_verified",)),
    ),
    mutant("no salts", SALT, SALTED, "let _ = (leaf, part);", SALTS),
    mutant("salts serve more leaves than one", SALT, SALTED, SALTED.replace("leaf", "leaf % 2"), SALTS),
    mutant("everybody knows a proof's seed", SEED, "getrandom::fill(seed.as_mut())?;", "let _ = seed.as_mut();", UNIFORM),
    mutant("everybody knows the seed of the weights", PROVE, BLINDING, "Randomness::public()", UNIFORM),
)
