"""LSTM: C = f C' + i c, H = o h(C)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tacit.graph import Node
from tacit.operators.recurrent.activations import Activation
from tacit.operators.recurrent.steps import Direction, Step, expanded, split, summed
from tacit.operators.registry import expansion
from tacit.passes.expansion import Expansion


@expansion("LSTM")
def lstm(e: Expansion, node: Node) -> list[str]:
    """Inputs X, W, R, B, sequence_lens, initial_h, initial_c, P; gates i, o, f, c; peepholes of i, o, f."""
    return expanded(e, node, 4, ["Sigmoid", "Tanh", "Tanh"], [5, 6], cell)


def cell(direction: Direction) -> Step:
    """With `input_forget` the gate f is 1 - i. The argument of h is not clipped, as in onnxruntime."""
    e, (f, g, h) = direction.e, direction.activations
    h = replace(h, clip=None)
    coupled = bool(direction.node.attributes.get("input_forget", 0))

    def step(share: str, state: Sequence[str]) -> list[str]:
        hidden, before = state
        total = summed(e, share, direction.from_state(hidden, 0, 4))
        opening, output, forget = opened(direction, total, before, f)
        candidate = g.apply(e, direction.columns(total, 3, 1))
        if coupled:
            forget = e.op("Sub", e.constant(1, e.dtype(opening)), opening)
        gained = e.op("Mul", opening, candidate)
        cell = summed(e, e.op("Mul", forget, before), gained) if before else gained
        if direction.peepholes:
            output = f.apply(e, summed(e, output, e.op("Mul", direction.peepholes[1], cell)))
        return [e.op("Mul", output, h.apply(e, cell)), cell]

    return step


def opened(direction: Direction, total: str, before: str, f: Activation) -> tuple[str, str, str]:
    """(i, o, f); with peepholes o is still without its activation: it looks at the new cell."""
    e = direction.e
    if not direction.peepholes:
        i, o, forget = direction.gates(f.apply(e, direction.columns(total, 0, 3)), 3)
        return i, o, forget
    i, o, forget = split(e, direction.columns(total, 0, 3), -1, [direction.hidden] * 3)
    looks = [e.op("Mul", direction.peepholes[p], before) if before else "" for p in (0, 2)]
    return f.apply(e, summed(e, i, looks[0])), o, f.apply(e, summed(e, forget, looks[1]))
