"""What recurrent nodes share: parameters of a direction, the order of steps, sequences of different lengths, results.

The input's product with all steps is one MatMul; the product with the state is one for each step. A state that is
zero everywhere is written ''.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from onnx import TensorProto

from tacit.errors import UnsupportedOperator
from tacit.graph import Node
from tacit.operators.recurrent.activations import Activation, read
from tacit.passes.expansion import Expansion

DIRECTIONS = {"forward": (False,), "reverse": (True,), "bidirectional": (False, True)}
Step = Callable[[str, Sequence[str]], list[str]]
"""(input's share of the gates [batch, gates * hidden], states before) -> states after, the hidden one first."""


@dataclass(frozen=True)
class Direction:
    """The parameters of one direction; every name is a value of the expansion.

    `inner` [hidden, gates * hidden] multiplies the state; `bias` is the vector that is added to the input's share, or
    ''; `inner_bias` the recurrent part of it, or ''; `peepholes` one vector a gate that has one.
    """

    e: Expansion
    node: Node
    hidden: int
    inner: str
    inner_bias: str
    peepholes: tuple[str, ...]
    activations: Sequence[Activation]

    def from_state(self, state: str, first: int, count: int) -> str:
        """The state's share of `count` gates from gate `first` on, without bias; '' of a state that is zero."""
        return self.e.op("MatMul", state, self.columns(self.inner, first, count)) if state else ""

    def columns(self, name: str, first: int, count: int) -> str:
        """The part of a tensor's last axis that belongs to `count` gates from gate `first` on."""
        start, end, width = first * self.hidden, (first + count) * self.hidden, self.e.shape(name)[-1]
        return name if (start, end) == (0, width) else cut(self.e, name, -1, start, end)

    def gates(self, name: str, count: int) -> list[str]:
        """A tensor of `count` gates, one by one."""
        return [name] if count == 1 else split(self.e, name, -1, [self.hidden] * count)


def expanded(
    e: Expansion,
    node: Node,
    gates: int,
    defaults: Sequence[str],
    states: Sequence[int],
    make: Callable[[Direction], Step],
    apart: int = 0,
) -> list[str]:
    """Y, then each state after the last step.

    `gates`: how many; `defaults`: the activations where the node names none; `states`: the inputs that hold initial
    states, the hidden one first; `apart`: so many gates at the end whose recurrent bias is not the input's share.
    """
    turned = bool(node.attributes.get("layout", 0))
    data = e.op("Transpose", node.inputs[0], perm=[1, 0, 2]) if turned else node.inputs[0]
    time, batch, _ = e.shape(data)
    backwards = DIRECTIONS[str(node.attributes.get("direction", "forward"))]
    hidden = e.shape(node.inputs[2])[-1]
    activations = read(node, defaults, len(backwards))
    valid = validity(e, node, time)
    tracks: list[str] = []
    finals: list[list[str]] = []
    for d, backward in enumerate(backwards):
        direction, bias = parameters(e, node, d, gates, apart, activations[d])
        share = e.op("MatMul", data, e.op("Transpose", member(e, node.inputs[1], d), perm=[1, 0]))
        shares = split(e, e.op("Add", share, bias) if bias else share, 0, [1] * time)
        shares = [e.op("Squeeze", one, e.integers(0)) for one in shares]
        state = [initial(e, node, position, d, turned) for position in states]
        step, track = make(direction), [""] * time
        for t in reversed(range(time)) if backward else range(time):
            track[t], state = advanced(e, step, shares[t], state, valid[t])
        zeros = e.constant(np.zeros((batch, hidden), e.dtype(data)))
        lifted = [e.op("Unsqueeze", one or zeros, e.integers(0)) for one in track]
        tracks.append(e.op("Concat", *lifted, axis=0))
        finals.append([one or zeros for one in state])
    axis = 2 if turned else 1
    if turned:
        tracks = [e.op("Transpose", one, perm=[1, 0, 2]) for one in tracks]
    stacked = [stack(e, tracks, axis)]
    return stacked + [stack(e, [final[i] for final in finals], 1 if turned else 0) for i in range(len(states))]


def advanced(e: Expansion, step: Step, share: str, state: Sequence[str], valid: str | None) -> tuple[str, list[str]]:
    """(what the step contributes to Y, states after it); a sequence that has ended contributes zeros and keeps its
    states."""
    if valid == "":
        return "", list(state)
    after = step(share, state)
    if valid is None:
        return after[0], after
    number = e.op("Cast", valid, to=TensorProto.FLOAT if e.dtype(after[0]) == np.float32 else TensorProto.DOUBLE)
    shown = e.op("Mul", after[0], number)
    kept = [e.op("Where", valid, new, old) if old else e.op("Mul", new, number) for new, old in zip(after, state)]
    return shown, kept


def validity(e: Expansion, node: Node, time: int) -> list[str | None]:
    """For each step: None where all sequences last so long, '' where none does, else booleans [batch, 1]."""
    lengths = node.input(4)
    if not lengths:
        return [None] * time
    known = e.known(lengths)
    if known is None:
        column = e.op("Unsqueeze", lengths, e.integers(1))
        return [e.op("Greater", column, e.constant(t, e.dtype(lengths))) for t in range(time)]
    found: list[str | None] = []
    for t in range(time):
        lasting = known.reshape(-1, 1) > t
        found.append(None if lasting.all() else e.constant(lasting) if lasting.any() else "")
    return found


def parameters(
    e: Expansion, node: Node, d: int, gates: int, apart: int, activations: Sequence[Activation]
) -> tuple[Direction, str]:
    """(one direction, the bias of the input's share)."""
    hidden = e.shape(node.inputs[2])[-1]
    width = gates * hidden
    if e.shape(node.inputs[1])[1] != width:
        raise UnsupportedOperator(f"Node {node} has weights of {e.shape(node.inputs[1])[1]} rows; it needs {width}.")
    bias = inner_bias = ""
    if node.input(3):
        both = member(e, node.inputs[3], d)
        bias, inner_bias = cut(e, both, -1, 0, width), cut(e, both, -1, width, 2 * width)
        joint = width - apart * hidden
        added = inner_bias
        if apart:
            added = e.op("Concat", cut(e, inner_bias, -1, 0, joint), e.constant(np.zeros(width - joint, e.dtype(both))), axis=0)
        bias = e.op("Add", bias, added)
    peepholes: tuple[str, ...] = ()
    if node.operator == "LSTM" and node.input(7):
        peepholes = tuple(split(e, member(e, node.inputs[7], d), 0, [hidden] * 3))
    inner = e.op("Transpose", member(e, node.inputs[2], d), perm=[1, 0])
    return Direction(e, node, hidden, inner, inner_bias, peepholes, activations), bias


def initial(e: Expansion, node: Node, position: int, d: int, turned: bool) -> str:
    """The initial state [batch, hidden] of a direction, '' where it is zero."""
    name = node.input(position)
    known = e.known(name) if name else None
    if not name or (known is not None and not known.any()):
        return ""
    return member(e, name, d, 1 if turned else 0)


def member(e: Expansion, name: str, d: int, axis: int = 0) -> str:
    """Entry d of an axis, without the axis."""
    part = name if e.shape(name)[axis] == 1 else cut(e, name, axis, d, d + 1)
    return e.op("Squeeze", part, e.integers(axis))


def cut(e: Expansion, name: str, axis: int, start: int, end: int) -> str:
    return e.op("Slice", name, e.integers(start), e.integers(end), e.integers(axis))


def split(e: Expansion, name: str, axis: int, lengths: list[int]) -> list[str]:
    if len(lengths) == 1:
        return [name]
    return e.ops("Split", name, e.integers(*lengths), count=len(lengths), axis=axis)


def stack(e: Expansion, names: list[str], axis: int) -> str:
    parts = [e.op("Unsqueeze", name, e.integers(axis)) for name in names]
    return parts[0] if len(parts) == 1 else e.op("Concat", *parts, axis=axis)


def summed(e: Expansion, *names: str) -> str:
    """The sum of the terms that are there; '' where none is."""
    total = ""
    for name in names:
        total = e.op("Add", total, name) if total and name else total or name
    return total
