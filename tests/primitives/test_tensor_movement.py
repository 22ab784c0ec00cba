"""Random compositions of movement and arithmetic against NumPy, with every relation of the copies checked."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.circuit import Affine
from tacit.primitives import arithmetic, movement
from tacit.primitives.evaluate import Evaluate
from tacit.primitives.tensor import Axis, IntervalTooWide, constant

SHAPES = st.lists(st.integers(1, 6), min_size=1, max_size=4).filter(lambda shape: np.prod(shape) <= 200)


def start(shape, seed=0, span=50, name="x", home="input"):
    """A builder, one tensor of random integers, and the integers."""
    array = np.random.default_rng(seed).integers(-span, span + 1, shape)
    builder = Evaluate({name: array}, check=True)
    return builder, builder.input(name, shape, -span, span, 0), array


def agrees(builder, tensor, array):
    found = builder.value(tensor)
    assert tensor.shape == array.shape
    assert found.shape == array.shape and (found == array).all()
    assert tensor.low <= array.min() and array.max() <= tensor.high


def factorisations(size):
    """A shape of the same size."""
    return st.sampled_from([d for d in range(1, size + 1) if size % d == 0]).map(lambda d: (d, size // d))


@st.composite
def moves(draw):
    """A start shape and a list of movement operations, each valid for the shape that the previous ones leave."""
    shape = draw(SHAPES)
    current, result = np.zeros(shape), []
    for _ in range(draw(st.integers(1, 6))):
        rank = current.ndim
        kinds = ["transpose", "reshape", "slice", "pad", "concat", "take", "flip", "unsqueeze", "add", "expand"]
        kind = draw(st.sampled_from(kinds if rank else ["reshape", "unsqueeze", "add"]))
        position = draw(st.integers(0, rank - 1)) if rank else 0
        if kind == "transpose":
            argument = draw(st.permutations(range(rank)))
        elif kind == "reshape":
            argument = draw(factorisations(current.size))
        elif kind == "slice":
            argument = draw(st.tuples(st.integers(-8, 8), st.integers(-8, 8), st.sampled_from([-2, -1, 1, 2, 3])))
            if not range(current.shape[position])[slice(*argument)]:
                argument = (None, None, -1)
        elif kind == "pad":
            argument = draw(st.lists(st.tuples(st.integers(-1, 2), st.integers(0, 2)), min_size=rank, max_size=rank))
            if any(size + before < 1 for size, (before, _) in zip(current.shape, argument)):
                argument = [(0, 1)] * rank
        elif kind == "take":
            argument = draw(st.lists(st.integers(0, current.shape[position] - 1), min_size=1, max_size=5))
        elif kind == "expand":
            argument = [draw(st.integers(2, 3)), *([1] * rank)]
        else:
            argument = None
        result.append((kind, position, argument))
        current = reference(current, result[-1])
        if current.size > 3000:
            result.pop()
            break
    return shape, result


def reference(x, move):
    kind, position, argument = move
    if kind == "transpose":
        return x.transpose(argument)
    if kind == "reshape":
        return x.reshape(argument)
    if kind == "slice":
        return x[(slice(None),) * position + (slice(*argument),)]
    if kind == "pad":
        cropped = x[tuple(slice(-before if before < 0 else 0, None) for before, _ in argument)]
        return np.pad(cropped, [(max(before, 0), after) for before, after in argument])
    if kind == "concat":
        return np.concatenate([x, 2 * x], position)
    if kind == "take":
        return np.take(x, argument, position)
    if kind == "flip":
        return np.flip(x, position)
    if kind == "unsqueeze":
        return np.expand_dims(x, position)
    if kind == "expand":
        return np.broadcast_to(x, np.broadcast_shapes(x.shape, argument))
    return x + 3


def apply(builder, x, move):
    kind, position, argument = move
    if kind == "slice":
        return movement.slice_(builder, x, position, *argument)
    if kind == "concat":
        return movement.concat(builder, [x, x * 2], position)
    if kind == "take":
        return movement.take(builder, x, position, argument)
    if kind in ("flip", "unsqueeze"):
        return getattr(movement, kind)(builder, x, [position])
    if kind == "add":
        return x + 3
    return getattr(movement, kind)(builder, x, argument)


@settings(max_examples=150, deadline=None)
@given(moves())
def test_movement_is_numpy(case):
    shape, sequence = case
    builder, x, array = start(shape)
    for move in sequence:
        x, array = apply(builder, x, move), reference(array, move)
        agrees(builder, x, array)


@settings(max_examples=60, deadline=None)
@given(moves(), moves())
def test_sums_and_products_of_moved_tensors(first, second):
    """(x moved) op (y moved and flattened to the same size), elementwise and as a matrix product."""
    shape, sequence = first
    builder, x, array = start(shape)
    for move in sequence:
        x, array = apply(builder, x, move), reference(array, move)
    y, other = movement.flip(builder, movement.reshape(builder, x, (-1,)), [0]), array.reshape(-1)[::-1]
    y, other = movement.reshape(builder, y, array.shape), other.reshape(array.shape)
    agrees(builder, arithmetic.add(builder, x, y), array + other)
    agrees(builder, arithmetic.subtract(builder, x, y), array - other)
    agrees(builder, arithmetic.multiply(builder, x, y), array * other)
    agrees(builder, arithmetic.multiply(builder, x, x), array * array)


@pytest.mark.parametrize(
    ("left", "right"),
    [((3, 4), (4, 5)), ((4,), (4, 5)), ((2, 3, 4), (4,)), ((2, 1, 3, 4), (5, 4, 2)), ((4,), (4,)), ((1, 4), (4, 1))],
)
@pytest.mark.parametrize("known", [False, True])
def test_matmul(left, right, known):
    builder, x, a = start(left)
    b = np.random.default_rng(1).integers(-9, 10, right)
    if known:
        y = builder.weight("w", b, 3)
    else:
        builder.inputs = {**builder.inputs, "y": b}
        y = builder.input("y", right, -9, 9, 3)
    product = arithmetic.matmul(builder, x, y)
    assert product.exponent == 3
    agrees(builder, product, np.matmul(a, b))


def test_matmul_of_views_of_one_column():
    builder, x, a = start((6, 4))
    agrees(builder, arithmetic.matmul(builder, x, movement.transpose(builder, x)), a @ a.T)
    heads = movement.transpose(builder, movement.reshape(builder, x, (6, 2, 2)), (1, 0, 2))
    split = a.reshape(6, 2, 2).transpose(1, 0, 2)
    agrees(
        builder,
        arithmetic.matmul(builder, heads, movement.transpose(builder, heads, (0, 2, 1))),
        split @ split.swapaxes(1, 2),
    )


def test_products_of_sums_and_of_products():
    builder, x, a = start((3, 4))
    y = movement.concat(builder, [x, x + 1], 0)
    b = np.concatenate([a, a + 1])
    square = arithmetic.matmul(builder, movement.transpose(builder, y), y)
    agrees(builder, square, b.T @ b)
    again = arithmetic.matmul(builder, square, movement.transpose(builder, x))
    agrees(builder, again, b.T @ b @ a.T)
    agrees(builder, arithmetic.multiply(builder, again, again), (b.T @ b @ a.T) ** 2)


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axes", [None, [0], [-1], [0, 2]])
def test_reduce_sum(axes, keepdims):
    builder, x, a = start((3, 1, 4))
    x, a = movement.expand(builder, x + 2, (3, 2, 4)), np.broadcast_to(a + 2, (3, 2, 4))
    expected = a.sum(axis=None if axes is None else tuple(axes), keepdims=keepdims)
    agrees(builder, arithmetic.reduce_sum(builder, x, axes, keepdims), np.asarray(expected))


def direct_convolution(x, w, strides, pads, dilations, groups):
    rank = x.ndim - 2
    x = np.pad(x, [(0, 0), (0, 0), *zip(pads[:rank], pads[rank:])])
    extent = [d * (k - 1) + 1 for d, k in zip(dilations, w.shape[2:])]
    sizes = [(n - e) // s + 1 for n, e, s in zip(x.shape[2:], extent, strides)]
    y = np.zeros((x.shape[0], w.shape[0], *sizes), dtype=np.int64)
    share, out = w.shape[1], w.shape[0] // groups
    for o in range(w.shape[0]):
        part = x[:, (o // out) * share : (o // out + 1) * share]
        for place in np.ndindex(*sizes):
            window = tuple(slice(p * s, p * s + e, d) for p, s, e, d in zip(place, strides, extent, dilations))
            y[(slice(None), o, *place)] = (part[(slice(None), slice(None), *window)] * w[o]).sum(
                axis=tuple(range(1, x.ndim))
            )
    return y


@settings(max_examples=60, deadline=None)
@given(st.data(), st.integers(1, 3), st.integers(1, 3), st.integers(1, 2), st.integers(1, 2), st.integers(1, 2))
def test_convolution_is_the_direct_loop(data, rank, groups, share, out, batch):
    spatial = [data.draw(st.integers(3, 6)) for _ in range(rank)]
    kernel = [data.draw(st.integers(1, 3)) for _ in range(rank)]
    strides = [data.draw(st.integers(1, 2)) for _ in range(rank)]
    pads = [data.draw(st.integers(0, 2)) for _ in range(2 * rank)]
    dilations = [data.draw(st.integers(1, 2)) for _ in range(rank)]
    if any(n + pads[i] + pads[rank + i] < dilations[i] * (kernel[i] - 1) + 1 for i, n in enumerate(spatial)):
        dilations = [1] * rank
    builder, x, a = start((batch, groups * share, *spatial))
    w = np.random.default_rng(2).integers(-9, 10, (groups * out, share, *kernel))
    y = arithmetic.convolve(builder, x, builder.weight("w", w, 4), strides, pads, dilations, groups)
    agrees(builder, y, direct_convolution(a, w, strides, pads, dilations, groups))


def test_a_window_over_a_slice_reads_zeros_beyond_the_slice():
    builder, x, a = start((1, 1, 8))
    w = np.array([[[1, 2, 4]]])
    inner = movement.slice_(builder, x, 2, 2, 6)
    y = arithmetic.convolve(builder, inner, builder.weight("w", w, 0), pads=(1, 1))
    agrees(builder, y, direct_convolution(a[:, :, 2:6], w, [1], [1, 1], [1], 1))


def test_padding_a_sum_with_a_constant_pads_zeros():
    builder, x, a = start((3, 2))
    agrees(builder, movement.pad(builder, x + 7, [(1, 1), (0, 2)]), np.pad(a + 7, [(1, 1), (0, 2)]))
    agrees(builder, movement.pad(builder, constant((1, 2), 5), [(1, 0), (0, 0)]), np.array([[0, 0], [5, 5]]))


def test_bounds_of_known_weights_are_the_one_sided_norms():
    builder = Evaluate({"x": np.array([0, 10, 3])}, check=True)
    x = builder.input("x", (3,), 0, 10, 0)
    w = builder.weight("w", np.array([[5, -2, 1], [-1, -1, -1]]), 0)
    y = arithmetic.matmul(builder, w, x)
    assert (y.low, y.high) == (-30, 60)
    assert builder.value(y).tolist() == [-17, -13]


def test_large_products_stay_exact():
    span = 2**30
    rng = np.random.default_rng(3)
    a, b = rng.integers(-span, span, (7, 9)), rng.integers(-span // 64, span // 64, (9, 5))
    builder = Evaluate({"x": a}, check=True)
    y = arithmetic.matmul(builder, builder.input("x", (7, 9), -span, span, 0), builder.weight("w", b, 0))
    assert (builder.value(y).astype(object) == a.astype(object) @ b.astype(object)).all()


def test_intervals_beyond_the_field_are_refused():
    builder, x, _ = start((4,), span=2**31)
    with pytest.raises(IntervalTooWide, match="2\\^62"):
        arithmetic.multiply(builder, x, x)


def test_reindex_reads_zero_outside():
    builder, x, a = start((4, 2))
    y = movement.reindex(builder, x, 0, Affine(-2, ((Axis(3), 3),)))
    agrees(builder, y, np.stack([0 * a[0], a[1], 0 * a[0]]))


def test_shapes_that_do_not_fit_are_refused():
    builder, x, _ = start((3, 4))
    with pytest.raises(ValueError, match="reshape"):
        movement.reshape(builder, x, (5, 3))
    with pytest.raises(ValueError, match="broadcast"):
        _ = x + constant((3, 5), 1)
    with pytest.raises(ValueError, match="dimension"):
        movement.slice_(builder, x, 2, 0, 1)
    with pytest.raises(ValueError, match="empty"):
        movement.slice_(builder, x, 0, 2, 1)
