"""RNN: H = f(W X + R H' + b)."""

from __future__ import annotations

from collections.abc import Sequence

from tacit.graph import Node
from tacit.operators.recurrent.steps import Direction, Step, expanded, summed
from tacit.operators.registry import expansion
from tacit.passes.expansion import Expansion


@expansion("RNN")
def rnn(e: Expansion, node: Node) -> list[str]:
    """Inputs X, W, R, B, sequence_lens, initial_h."""
    return expanded(e, node, 1, ["Tanh"], [5], cell)


def cell(direction: Direction) -> Step:
    e, (f,) = direction.e, direction.activations

    def step(share: str, state: Sequence[str]) -> list[str]:
        return [f.apply(e, summed(e, share, direction.from_state(state[0], 0, 1)))]

    return step
