"""Receipts of a prover in plain Python, written from the documents: both verifiers accept them; and refuse what it makes when one
check of its verifier is missing, which only that check can see."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from test_vectors import native, plain

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "vectors"), str(ROOT / "tests")]
import layer  # noqa: E402
import plain_layer  # noqa: E402

from reference import verifier  # noqa: E402
from reference.field import ZERO, K  # noqa: E402
from reference.forms import Claim  # noqa: E402
from reference.named import seal_claim  # noqa: E402

CONTEXT = b"vector"
BOTH = b"\1\1\1"
pytestmark = pytest.mark.slow


@cache
def model() -> plain_layer.Model:
    return plain_layer.model(layer.case(1, 2))


@cache
def tensor(binding: int) -> plain_layer.Tensor:
    return model().tensor(binding, 20 + binding)


def receipt(hidden: bytes, named: dict[int, plain_layer.Tensor], seed: int = 5) -> bytes:
    return plain_layer.LayerProver(model(), hidden, named, seed).receipt(CONTEXT)


def answers(data: bytes) -> tuple[str | None, str | None]:
    return native(data, model().key, CONTEXT), plain(data, model().key, CONTEXT)


@pytest.mark.parametrize("hidden", [b"\1\0\0", b"\0\1\0", BOTH], ids=bytes.hex)
def test_receipts_that_hide_are_accepted(hidden):
    data = receipt(hidden, {})
    assert data[7:9] == b"\2\0" and answers(data) == (None, None)


def test_other_numbers_are_refused():
    """The prover itself checks nothing: of another product it writes a receipt as well."""
    false = plain_layer.LayerProver(model(), BOTH, {}, 5)
    false.cells[layer.Y] = [cell + 1 for cell in false.cells[layer.Y]]
    assert answers(false.receipt(CONTEXT)) == ("check", "check")


def test_one_root_and_seal_are_one_tensor():
    """Another tensor has another seal under the same root, whatever its own uniform cells are."""
    cells, root, uniform = model().cells[layer.X], tensor(0).root, (1, 2, 3)
    other = [cells[0] + 1, *cells[1:]]
    assert plain_layer.seal_of(root, cells, uniform) != plain_layer.seal_of(root, other, uniform)
    assert plain_layer.seal_of(root, [*cells, 0], uniform) == plain_layer.seal_of(root, cells, uniform)


def unchecked(*_) -> Claim:
    return Claim([], ZERO)


class Summed:
    """All seals with one power of zeta."""

    def __init__(self, count: int) -> None:
        self.left, self.claims = count, []

    def __call__(self, *arguments) -> Claim:
        self.claims.append(seal_claim(*arguments))
        self.left -= 1
        if self.left:
            return Claim([], ZERO)
        value = ZERO
        for each in self.claims:
            value = value + each.value
        return Claim([term for each in self.claims for term in each.form], value)


def moved(by: int, binding: int) -> plain_layer.Tensor:
    held = tensor(binding)
    return replace(held, seal=held.seal + K(0, by))


FORGED = {
    # name: (the verifier that lacks a check, tensors)
    "any seal, if seals are no claims": (lambda: unchecked, lambda: {0: moved(1, 0)}),
    "two wrong seals, if they have one power": (lambda: Summed(2), lambda: {0: moved(1, 0), 1: moved(-1, 1)}),
}


@pytest.mark.parametrize("name", FORGED)
def test_what_a_verifier_without_a_check_accepts_is_refused(name):
    lacking, named = FORGED[name]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verifier, "seal_claim", lacking())
        data = receipt(BOTH, named())
        patch.setattr(verifier, "seal_claim", lacking())
        assert plain(data, model().key, CONTEXT) is None
    assert answers(data) == ("check", "check")


def test_a_commitment_to_another_tensor_is_refused():
    """Its own seal, and all its rows, are right."""
    cells = model().cells[layer.X]
    p, shape = model().circuit.parameters, model().circuit.publics[0].shape
    other = plain_layer.named_tensor(p, [cells[0] + 1, *cells[1:]], shape, 30)
    assert answers(receipt(b"\0\1\0", {0: other})) == ("check", "check")


def test_a_commitment_serves_several_receipts():
    """With other hide sets, beside another named one or alone."""
    first, second = receipt(b"\0\1\0", {0: tensor(0)}, 5), receipt(BOTH, {0: tensor(0), 1: tensor(1)}, 6)
    assert answers(first) == answers(second) == (None, None)
    named = [verifier.read_receipt(data).named for data in (first, second)]
    assert named[0] == named[1][:1] and len(named[1]) == 2
