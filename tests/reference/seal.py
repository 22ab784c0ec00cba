"""Seals: values out of domain, which tell apart the words that a root may stand for (docs/protocol.md, The key's seal)."""

from __future__ import annotations

from math import prod

from .field import ONE, K, power
from .forms import Claim, FormTerm, Weight
from .layout import Layout
from .transcript import Transcript


def seal_point(root: bytes) -> K:
    """Where a commitment's seal is taken: a function of its root alone, so every receipt has the same one."""
    transcript = Transcript("tacit commitment")
    transcript.absorb("root", root)
    return transcript.draw("seal point")


def flat_powers(z: K, shape: tuple[int, ...]) -> tuple[Weight, ...]:
    """One weight per axis, whose product at a cell is z^j, j its flat index: i -> (z^stride)^i."""
    bases = (power(z, prod(shape[axis + 1 :])) for axis in range(len(shape)))
    return tuple(Weight(("powers", base, length), length, base=base) for base, length in zip(bases, shape))


def key_claim(root: bytes, seal: K, layout: Layout) -> Claim:
    """sum over the limbs b of the weights and all their rows t of z^(b M + t) limb_b[t] = seal."""
    shape = layout.shapes[layout.matrix]
    return Claim([FormTerm(ONE, layout.matrix, flat_powers(seal_point(root), shape))], seal)
