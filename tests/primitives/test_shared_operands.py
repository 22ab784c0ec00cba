"""Random graphs of primitives whose operands are shared, against NumPy and against the core's reading of the circuit.

A tensor meets its own sums, transposes and windows here, which chains of operations never do.
"""

from __future__ import annotations

import numpy as np
import pytest

from tacit import _core
from tacit.circuit import encode
from tacit.primitives import arithmetic, movement
from tacit.primitives.evaluate import Evaluate
from tacit.primitives.tensor import IntervalTooWide

LARGEST = 300
SPAN = 3
COMBINED = {
    "add": (arithmetic.add, np.add),
    "subtract": (arithmetic.subtract, np.subtract),
    "multiply": (arithmetic.multiply, np.multiply),
}


def convolved(x, w, strides, pads, dilations, groups):
    """The definition of a grouped correlation, one output position and one tap at a time."""
    rank = x.ndim - 2
    x = np.pad(x, [(0, 0), (0, 0), *((pads[i], pads[rank + i]) for i in range(rank))])
    lengths = [
        (x.shape[2 + i] - dilations[i] * (w.shape[2 + i] - 1) - 1) // strides[i] + 1 for i in range(rank)
    ]
    if min(lengths) < 1:
        return None
    result = np.zeros((x.shape[0], w.shape[0], *lengths), dtype=np.int64)
    outputs, inputs = w.shape[0] // groups, w.shape[1]
    for place in np.ndindex(*lengths):
        for tap in np.ndindex(*w.shape[2:]):
            read = x[(..., *(place[i] * strides[i] + dilations[i] * tap[i] for i in range(rank)))]
            for group in range(groups):
                own = slice(group * outputs, (group + 1) * outputs)
                part = read[:, group * inputs : (group + 1) * inputs] @ w[(own, slice(None), *tap)].T
                result[(slice(None), own, *place)] += part
    return result


class Graph:
    """A builder and a growing pool of (tensor, array)."""

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)
        shapes = [tuple(self.random.integers(1, 5, self.random.integers(1, 5)).tolist()) for _ in range(2)]
        feeds = {f"x{i}": self.random.integers(-SPAN, SPAN + 1, shape) for i, shape in enumerate(shapes)}
        self.builder = Evaluate(feeds, check=True)
        self.pool = [(self.builder.input(n, a.shape, -SPAN, SPAN, 0), a.astype(np.int64)) for n, a in feeds.items()]

    def draw(self, low, high, count):
        return self.random.integers(low, high, count).tolist()

    def pick(self):
        last = self.random.random() < 0.6
        return self.pool[-1 if last else int(self.random.integers(len(self.pool)))]

    def moved(self, kind, t, a, axis):
        b = self.builder
        if kind == "transpose":
            order = self.random.permutation(a.ndim).tolist()
            return movement.transpose(b, t, order), a.transpose(order)
        if kind == "reshape":
            divisor = int(self.random.choice([d for d in range(1, a.size + 1) if a.size % d == 0]))
            return movement.reshape(b, t, (divisor, -1)), a.reshape(divisor, a.size // divisor)
        if kind == "slice":
            start, stop = self.draw(-5, 5, 2)
            step = int(self.random.choice([-2, -1, 1, 2]))
            picked = np.take(a, range(a.shape[axis])[start:stop:step], axis=axis)
            return None if picked.size == 0 else (movement.slice_(b, t, axis, start, stop, step), picked)
        if kind == "take":
            indices = self.draw(0, a.shape[axis], int(self.random.integers(1, 5)))
            return movement.take(b, t, axis, indices), np.take(a, indices, axis=axis)
        if kind == "pad":
            pads = [tuple(self.draw(0, 3, 2)) for _ in range(a.ndim)]
            return movement.pad(b, t, pads), np.pad(a, pads)
        if kind == "crop":
            before = min(1, a.shape[axis] - 1)
            pads = [(-before, 1) if i == axis else (0, 0) for i in range(a.ndim)]
            wide = np.pad(a, [(0, 1) if i == axis else (0, 0) for i in range(a.ndim)])
            return movement.pad(b, t, pads), np.take(wide, range(before, wide.shape[axis]), axis=axis)
        if kind == "concat":
            mirrored = movement.flip(b, t, [axis])
            return movement.concat(b, [t, mirrored, t], axis), np.concatenate([a, np.flip(a, axis), a], axis)
        if kind == "expand":
            return movement.expand(b, t, (2, *a.shape)), np.broadcast_to(a, (2, *a.shape))
        return movement.unsqueeze(b, t, [axis]), np.expand_dims(a, axis)

    def computed(self, kind, t, a, axis):
        b = self.builder
        keep = bool(self.random.integers(2))
        if kind == "sum":
            return arithmetic.reduce_sum(b, t, [axis], keepdims=keep), a.sum(axis=axis, keepdims=keep)
        if kind in COMBINED:
            other, c = self.pick()
            if self.random.random() < 0.5:
                other, c = arithmetic.reduce_sum(b, t, [axis], keepdims=True), a.sum(axis=axis, keepdims=True)
            if any(m != n and 1 not in (m, n) for m, n in zip(a.shape[::-1], c.shape[::-1])):
                return None
            ours, numpy_s = COMBINED[kind]
            return ours(b, t, other), numpy_s(a, c)
        if kind == "matmul" and a.ndim >= 2:
            order = [*range(a.ndim - 2), a.ndim - 1, a.ndim - 2]
            return arithmetic.matmul(b, t, movement.transpose(b, t, order)), a @ a.transpose(order)
        if kind == "convolve" and a.ndim >= 3:
            rank, groups = a.ndim - 2, int(self.random.choice([d for d in range(1, a.shape[1] + 1) if a.shape[1] % d == 0]))
            w = self.random.integers(-1, 2, (2 * groups, a.shape[1] // groups, *self.draw(1, 4, rank)))
            strides, dilations, pads = self.draw(1, 3, rank), self.draw(1, 3, rank), self.draw(0, 3, 2 * rank)
            expected = convolved(a, w, strides, pads, dilations, groups)
            if expected is None:
                return None
            kernel = b.weight("w", w, 0)
            return arithmetic.convolve(b, t, kernel, strides, pads, dilations, groups), expected
        return None

    def grow(self):
        """Adds one node and compares it; False where the operation drawn does not apply."""
        moves = ["transpose", "reshape", "slice", "take", "pad", "crop", "concat", "expand", "unsqueeze"]
        computations = ["sum", *COMBINED, "matmul", "convolve", "convolve", "convolve"]
        (t, a), kind = self.pick(), str(self.random.choice(moves + computations))
        if a.ndim == 0 or np.abs(a).max() > 2**20:
            return False
        axis = int(self.random.integers(a.ndim))
        try:
            made = (self.moved if kind in moves else self.computed)(kind, t, a, axis)
        except IntervalTooWide:
            return False
        if made is None or made[1].size > LARGEST:
            return False
        tensor, array = made
        assert tensor.shape == array.shape, kind
        np.testing.assert_array_equal(self.builder.value(tensor), array, kind)
        assert tensor.low <= array.min() and array.max() <= tensor.high, kind
        self.pool.append((tensor, array))
        return True


@pytest.mark.parametrize("start", range(0, 400, 100))
def test_shared_operands(start):
    for seed in range(start, start + 100):
        graph = Graph(seed)
        for _ in range(8):
            graph.grow()
        b = graph.builder
        for i, (tensor, _) in enumerate(graph.pool):
            b.output(f"y{i}", tensor)
        failure = _core.check(encode(b.finish()), b.weight_buffer(), b.public(), b.witness())
        assert failure is None, (seed, failure)
        for (_, array), found in zip(graph.pool, b.outputs().values(), strict=True):
            np.testing.assert_array_equal(found, array, f"seed {seed}")


def test_a_tensor_less_its_own_sum():
    """The axis that is summed in one operand is an output axis of the other: it must not be captured."""
    x = np.arange(12).reshape(3, 4)
    for axis in (0, 1):
        b = Evaluate({"x": x}, check=True)
        t = b.input("x", (3, 4), 0, 20, 0)
        total = arithmetic.reduce_sum(b, t, [axis], keepdims=True)
        np.testing.assert_array_equal(b.value(arithmetic.subtract(b, t, total)), x - x.sum(axis, keepdims=True))
        np.testing.assert_array_equal(b.value(arithmetic.multiply(b, total, t)), x * x.sum(axis, keepdims=True))


def test_windows_of_a_cropped_pad():
    """The second spatial axis needs a copy, which must not lose the windows of the first."""
    x, w = np.arange(60).reshape(1, 2, 5, 6), np.arange(36).reshape(2, 2, 3, 3) - 18
    b = Evaluate({"x": x}, check=True)
    t = movement.pad(b, b.input("x", x.shape, 0, 60, 0), [(0, 0), (0, 0), (2, 2), (2, 2)])
    t = movement.slice_(b, movement.slice_(b, t, 2, 1, 8), 3, 3, 8)
    cut = np.pad(x, [(0, 0), (0, 0), (2, 2), (2, 2)])[:, :, 1:8, 3:8]
    found = b.value(arithmetic.convolve(b, t, b.weight("w", w, 0), pads=[1, 1, 1, 1]))
    np.testing.assert_array_equal(found, convolved(cut, w, (1, 1), (1, 1, 1, 1), (1, 1), 1))
