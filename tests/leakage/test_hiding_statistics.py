"""Statistics over many receipts that hide: every field element is uniform, and a trained classifier cannot tell two secrets apart.

`pytest -m slow tests/leakage -s` draws 15,000 receipts and prints what docs/hiding.md reports. Most masks are for equations in
which challenges take part, and these differ from receipt to receipt: `crates/proof/tests/hidden_statistics.rs` and
`hidden_rank.rs` fix them, and notice when a single mask is missing (`tests/mutants/masks.py`).
"""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor
from itertools import groupby
from multiprocessing import get_context

import numpy as np
import pytest
from secret_pairs import Batch, Reader, drawn, elements, joined, labels, native_hash, secrets, verifier
from telling_apart import P, told
from uniformity import Digits, Pairs, Verdict

EVERYTHING, WEIGHTS_AND_INPUTS = b"\1\1\1", b"\1\1\0"
VARIANTS = [
    pytest.param(False, EVERYTHING, (), id="everything"),
    pytest.param(True, WEIGHTS_AND_INPUTS, (), id="equal-outputs-shown"),
    pytest.param(False, EVERYTHING, (0, 1), id="named"),
]
COUNTS = (10_000, 2_000, 3_000)
NAMES = ("the first secret", "another input", "other weights")
WITHIN = 5.0
"""Standard errors; passed by an honest run once in two million."""


def uniform(batch: Batch) -> list[tuple[str, Verdict]]:
    """Bytes (half bytes of few receipts), pairs, salts."""
    many = len(batch.words) >= 5000
    places, bits = batch.words.shape[1], 8 if many else 4
    tests = Digits(places, 64, bits), Pairs(places, bits // 2, 20_000), Digits(batch.salts.shape[1], 8, bits)
    for words, salts in zip(batch.words, batch.salts):
        for test, row in zip(tests, (words, words, salts)):
            test.add(row)
    return list(zip(("digits", "pairs", "salts"), (test.verdict() for test in tests)))


@pytest.mark.parametrize(
    ("hide", "named"), [(EVERYTHING, ()), (WEIGHTS_AND_INPUTS, ()), (EVERYTHING, (0, 1)), (WEIGHTS_AND_INPUTS, (0,)), (None, ())]
)
def test_receipts_are_read_as_the_verifier_reads_them(hide, named):
    first = secrets(True)[0]
    reader, (receipt, key) = Reader(*first.receipt(hide, named)), first.receipt(hide, named)
    with native_hash():
        proof = verifier.walk(receipt, key, verifier.read_receipt(receipt).context)

    def runs(places):
        grouped = (list(group) for _, group in groupby(places, key=lambda place: place[0]))
        return [(group[0][0], group[0][1], group[-1][2]) for group in grouped]

    read = reader.walk(receipt, key)
    assert runs(read.places) == runs(proof.places)
    assert [each.binding for each in verifier.read_receipt(receipt).named] == list(named)
    words, places = elements(receipt, key, read), labels(receipt, key, read)
    assert len(words) == len(places) and places.count("named commitment: seal") == 3 * len(named)


@pytest.mark.parametrize(("equal_outputs", "hide", "named"), VARIANTS)
def test_receipts_are_uniform_and_tell_nothing(equal_outputs, hide, named):
    groups = [drawn(equal_outputs, secret, hide, named, 40) for secret in range(3)]
    for name, verdict in uniform(joined(groups)):
        assert verdict.uniform, f"{name}: {verdict}"
    for other in groups[1:]:
        outcome = told(groups[0].words, other.words)
        assert abs(outcome.deviations) < WITHIN, outcome


@pytest.mark.slow
@pytest.mark.parametrize(
    ("count", "equal_outputs", "hide", "named"),
    [pytest.param(count, *variant.values, id=variant.id) for count, variant in zip(COUNTS, VARIANTS)],
)
def test_many_receipts_are_uniform_and_tell_nothing(count, equal_outputs, hide, named, monkeypatch):
    monkeypatch.setenv("RAYON_NUM_THREADS", "1")
    part = 125
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        parts = -(-count // (3 * part))
        jobs = [[pool.submit(drawn, equal_outputs, secret, hide, named, part) for _ in range(parts)] for secret in range(3)]
        groups = [joined([job.result() for job in own]) for own in jobs]
    whole = joined(groups)
    print(f"\n{len(whole.words)} receipts, {whole.words.shape[1]} words and {whole.salts.shape[1]} bytes of salts in each")
    verdicts = uniform(whole)
    del whole
    for name, verdict in verdicts:
        print(f"{name}: {verdict}")
    outcomes = [told(groups[0].words, other.words) for other in groups[1:]]
    for name, outcome in zip(NAMES[1:], outcomes):
        print(f"{name}: {outcome}; {'within' if abs(outcome.deviations) < 3 else 'NOT within'} 3")
    assert all(verdict.uniform for _, verdict in verdicts), verdicts
    assert all(abs(outcome.deviations) < WITHIN for outcome in outcomes), outcomes


# Controls: what is not uniform, and what tells, is found.


@pytest.mark.parametrize("other", [1, 2], ids=NAMES[1:])
def test_the_classifier_tells_transparent_receipts_apart(other):
    first, second = (drawn(False, secret, None, (), 64).words for secret in (0, other))
    assert told(first, second).accuracy > 0.9


def random_words(receipts: int, places: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, int(P), (receipts, places), np.uint64)


def spoilt(words: np.ndarray, how: str, secret: int) -> np.ndarray:
    """Uniform words but for what one missing mask might do at places 200 to 203."""
    words, own = words.copy(), np.random.default_rng(secret).integers(0, int(P), 2, np.uint64)
    small = words[:, 200] % np.uint64(1 << 40)
    match how:
        case "constant":
            words[:, 200] = own[0]
        case "small":
            words[:, 200] = small if secret else P - np.uint64(1) - small
        case "one bit in four":
            words[:, 200] = np.where(words[:, 200] & np.uint64(2), words[:, 200], words[:, 200] & ~np.uint64(1) | np.uint64(secret))
        case "one pad for two":
            words[:, 201] = (words[:, 200].astype(object) + int(own[1])) % int(P)
        case "a value twice":
            words[:, 203] = np.random.default_rng(secret).permutation(words[0, :40].repeat(len(words) // 40 + 1)[: len(words)])
    return words


@pytest.mark.parametrize(
    ("how", "seen"),
    [
        ("constant", {"digits", "pairs", "classes"}),
        ("small", {"digits", "pairs", "classes"}),
        ("one bit in four", {"digits", "classes"}),
        ("one pad for two", {"pairs", "classes"}),
        ("a value twice", {"digits", "classes"}),
        ("nothing", set()),
    ],
)
def test_a_single_missing_mask_is_seen(how, seen):
    groups = [spoilt(random_words(400, 400, 10 + secret), how, secret) for secret in (0, 1)]
    found = {name for name, verdict in uniform(Batch(groups[0], groups[0].astype(np.uint8), [])) if not verdict.uniform}
    found |= {"classes"} if abs(told(*groups).deviations) > WITHIN else set()
    assert found - {"salts"} >= seen and (seen or not found), found
