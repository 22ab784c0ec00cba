"""The second verifier's opening against a toy prover in plain Python, with any number of commitments (docs/transcript.md)."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "vectors"), str(ROOT / "tests")]
from plain_opening import Opener, codeword, committed, log_domain  # noqa: E402

from reference import Refused, opening  # noqa: E402
from reference.circuit import Parameters  # noqa: E402
from reference.field import ZERO, K, P, bits, eq_table, total  # noqa: E402
from reference.transcript import Proof, Transcript  # noqa: E402

PARAMETERS = Parameters(4, 0, 16, (2, 1), (1, 2, 2), (3, 4, 3), b"")

# Widths of the commitments, and addresses as in a hiding layout: the second commitment's first limbs at 0, 1, 2, 4.
SHAPES = {
    "one": ([3], [0, 1, 2]),
    "two": ([1, 4], [3, 0, 1, 2, 4]),
    "three": ([1, 4, 2], [3, 0, 1, 2, 4, 5, 6]),
    "four": ([2, 4, 1, 1], [3, 5, 0, 1, 2, 4, 6, 7]),
}


def made(name: str, equal: bool = False) -> tuple[list[bytes], K, bytes, list[K]]:
    """Roots, value, proof and weights. `equal`: the last two commitments are one."""
    widths, addresses = SHAPES[name]
    rng = random.Random(1)
    limbs = [[[rng.randrange(P) for _ in range(1 << PARAMETERS.log_rows)] for _ in range(width)] for width in widths]
    if equal:
        limbs[-1] = limbs[-2]
    size = 1 << bits(max(addresses) + 1) + PARAMETERS.log_rows
    weights = [K(*(rng.randrange(P) for _ in range(3))) for _ in range(size)]
    vector = [ZERO] * size
    for address, limb in zip(addresses, (limb for commitment in limbs for limb in commitment)):
        vector[address << PARAMETERS.log_rows : (address + 1) << PARAMETERS.log_rows] = map(K, limb)
    trees = [committed(commitment, 0, log_domain(PARAMETERS, 0), PARAMETERS.salt, rng) for commitment in limbs]
    if equal:
        trees[-1] = trees[-2]
    prover = Opener(PARAMETERS, trees, vector, weights, rng)
    return [tree.root for tree in trees], prover.value, prover.open(Transcript("tacit"), widths, addresses), weights


def test_a_codeword_holds_the_values_at_the_points_of_the_domain():
    cells = [random.Random(3).randrange(P) for _ in range(5)]
    points = [opening.domain_point(1, 4, position) for position in range(16)]
    assert codeword(cells, 1, 4) == [sum(cell * pow(x, i, P) for i, cell in enumerate(cells)) % P for x in points]


def verify(name: str, roots: list[bytes], value: K, data: bytes, weights: list[K]) -> Proof:
    widths, addresses = SHAPES[name]
    proof = Proof(Transcript("tacit"), data)
    extension = lambda point: total(w * e for w, e in zip(weights, eq_table(point)))  # noqa: E731
    opening.verify(PARAMETERS, widths, addresses, roots, value, proof, extension)
    proof.finish()
    return proof


def refused(*arguments) -> bool:
    try:
        verify(*arguments)
    except Refused as error:
        return error.kind in ("check", "truncated", "trailing", "noncanonical")
    return False


@pytest.mark.parametrize("name", SHAPES)
def test_an_honest_opening_is_accepted(name):
    proof = verify(name, *made(name))
    trees = len(SHAPES[name][0])
    labels = [label for label, _, _ in proof.places]
    assert labels.count("opening: salts") == trees + len(PARAMETERS.folds)


def test_two_commitments_may_have_one_root():
    roots, *rest = made("four", equal=True)
    assert roots[2] == roots[3]
    verify("four", roots, *rest)


def test_roots_values_and_trees_are_not_exchanged():
    roots, value, data, weights = made("four")
    assert refused("four", [*roots[:2], roots[3], roots[2]], value, data, weights)
    assert refused("four", [roots[0], roots[0], *roots[2:]], value, data, weights)
    assert refused("four", roots, value + 1, data, weights)
    assert refused("four", roots, value, data, [weights[0] + 1, *weights[1:]])
    assert refused("four", roots[:3], value, data, weights)


def test_every_part_of_the_last_tree_is_checked():
    roots, value, data, weights = made("four")
    honest = verify("four", roots, value, data, weights)
    (start, end) = next((start, end) for label, start, end in honest.places if label == "opening: rows")
    width = sum(SHAPES["four"][0])
    assert end - start == 8 * width * PARAMETERS.queries[0]
    salts = [place for place in honest.places if place[0] == "opening: salts"][3]
    sibling = next(place for place in honest.places if place[1] == salts[2])
    places = [start + 8 * (width * query + width - 1) for query in range(PARAMETERS.queries[0])]
    for at in (*places, salts[1], salts[2] - 1, sibling[1], sibling[2] - 1):
        assert refused("four", roots, value, data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :], weights)
