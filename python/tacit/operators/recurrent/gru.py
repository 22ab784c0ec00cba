"""GRU: z = f(..), r = f(..), h = g(..), H = h + z (H' - h)."""

from __future__ import annotations

from collections.abc import Sequence

from tacit.graph import Node
from tacit.operators.recurrent.steps import Direction, Step, expanded, split, summed
from tacit.operators.registry import expansion
from tacit.passes.expansion import Expansion


@expansion("GRU")
def gru(e: Expansion, node: Node) -> list[str]:
    """Inputs X, W, R, B, sequence_lens, initial_h; gates z, r, h."""
    after = bool(node.attributes.get("linear_before_reset", 0))
    return expanded(e, node, 3, ["Sigmoid", "Tanh"], [5], late_reset if after else early_reset, apart=int(after))


def early_reset(direction: Direction) -> Step:
    """h = g(W X + R (r H') + b)."""
    e, (f, g) = direction.e, direction.activations

    def step(share: str, state: Sequence[str]) -> list[str]:
        (before,) = state
        update, candidate = split(e, share, -1, [2 * direction.hidden, direction.hidden])
        update = f.apply(e, summed(e, update, direction.from_state(before, 0, 2)))
        z, r = direction.gates(update, 2)
        reset = e.op("Mul", r, before) if before else ""
        return [mixed(e, z, g.apply(e, summed(e, candidate, direction.from_state(reset, 2, 1))), before)]

    return step


def late_reset(direction: Direction) -> Step:
    """h = g(W X + r (R H' + its bias) + b)."""
    e, (f, g) = direction.e, direction.activations
    bias = direction.columns(direction.inner_bias, 2, 1) if direction.inner_bias else ""

    def step(share: str, state: Sequence[str]) -> list[str]:
        (before,) = state
        update, candidate = split(e, share, -1, [2 * direction.hidden, direction.hidden])
        update = f.apply(e, summed(e, update, direction.from_state(before, 0, 2)))
        z, r = direction.gates(update, 2)
        inner = summed(e, direction.from_state(before, 2, 1), bias)
        reset = e.op("Mul", r, inner) if inner else ""
        return [mixed(e, z, g.apply(e, summed(e, candidate, reset)), before)]

    return step


def mixed(e: Expansion, z: str, candidate: str, before: str) -> str:
    """(1 - z) candidate + z before."""
    if before:
        return e.op("Add", candidate, e.op("Mul", z, e.op("Sub", before, candidate)))
    return e.op("Sub", candidate, e.op("Mul", z, candidate))
