"""How the primitives are drawn, movement and arithmetic: each result is copied, so that its cells are committed."""

from __future__ import annotations

import numpy as np
from drawn import Instance, broadcast_pairs, drawn, integers_of, intervals, operands, shapes
from hypothesis import strategies as st

from tacit.circuit import Affine
from tacit.primitives import arithmetic, gadgets, movement
from tacit.primitives.tensor import Axis

EXPONENTS = st.integers(0, 2)


def copied(function, expected, *operands):
    return Instance(operands, lambda b, *tensors: b.copy(function(b, *tensors), "g"), expected)


def cube(draw, least=1):
    return draw(operands(shapes(least), intervals(12)))


# movement


@drawn("transpose")
def transposes(draw):
    x = cube(draw)
    order = draw(st.one_of(st.none(), st.permutations(range(x.values.ndim))))
    return copied(lambda b, x: movement.transpose(b, x, order), lambda x: x.transpose(order), x)


def factorings(draw, size):
    """A shape of this many elements."""
    shape = []
    while size > 1:
        factor = draw(st.sampled_from([f for f in range(2, size + 1) if size % f == 0]))
        shape.append(factor)
        size //= factor
    place = draw(st.integers(0, len(shape)))
    return (*shape[:place], *draw(st.sampled_from([(), (1,)])), *shape[place:])


@drawn("reshape")
def reshapes(draw):
    """Twice: within axes, across them where they merge again, and across them in a way that needs a copy."""
    x = draw(operands(st.sampled_from([(6,), (12,), (2, 3), (4, 3), (2, 2, 3)]), intervals(12)))
    between, shape = factorings(draw, x.values.size), factorings(draw, x.values.size)
    given = (-1, *shape[1:]) if draw(st.booleans()) else shape

    def reshaped(b, x):
        return movement.reshape(b, movement.reshape(b, x, between), given)

    return copied(reshaped, lambda x: x.reshape(shape), x)


@drawn("squeeze")
def squeezes(draw):
    x = cube(draw, 0)
    units = [i for i, size in enumerate(x.values.shape) if size == 1]
    axes = draw(st.one_of(st.none(), st.sampled_from([units, units[:1]])))
    return copied(lambda b, x: movement.squeeze(b, x, axes), lambda x: np.squeeze(x, None if axes is None else tuple(axes)), x)


@drawn("unsqueeze")
def unsqueezes(draw):
    x = cube(draw, 0)
    axes = draw(st.lists(st.integers(0, x.values.ndim), min_size=1, max_size=2, unique=True))
    return copied(lambda b, x: movement.unsqueeze(b, x, axes), lambda x: np.expand_dims(x, tuple(axes)), x)


@drawn("flatten")
def flattens(draw):
    x = cube(draw)
    axis, rank = draw(st.integers(-x.values.ndim, x.values.ndim)), x.values.ndim
    before = np.prod(x.values.shape[: axis % rank if axis < 0 else axis], dtype=int)
    return copied(lambda b, x: movement.flatten(b, x, axis), lambda x: x.reshape(before, -1), x)


@drawn("expand")
def expands(draw):
    x = cube(draw, 0)
    sizes = tuple(draw(st.integers(1, 3)) if size == 1 else size for size in x.values.shape)
    target = (*draw(st.sampled_from([(), (2,)])), *sizes)
    return copied(lambda b, x: movement.expand(b, x, target), lambda x: np.broadcast_to(x, target), x)


@drawn("reindex")
def windows(draw):
    """Windows of a dimension, some of which reach outside."""
    x = cube(draw)
    count, taps, offset = draw(st.integers(2, 3)), draw(st.integers(2, 3)), draw(st.integers(-2, 1))
    steps = draw(st.sampled_from([(1, 1), (2, 1), (1, 2), (-1, 1)]))
    reads = offset + steps[0] * np.arange(count)[:, None] + steps[1] * np.arange(taps)

    def read(b, x):
        return movement.reindex(b, x, 0, Affine(offset, ((Axis(count), steps[0]), (Axis(taps), steps[1]))))

    def expected(x):
        inside = (reads >= 0) & (reads < len(x))
        found = x[np.where(inside, reads, 0).reshape(-1)]
        found[~inside.reshape(-1)] = 0
        return found

    return copied(read, expected, x)


@drawn("slice_")
def slices(draw):
    x = cube(draw)
    size = x.values.shape[0]
    start, step = draw(st.integers(-size, size - 1)), draw(st.sampled_from([1, 2, -1, -2]))
    return copied(lambda b, x: movement.slice_(b, x, 0, start, None, step), lambda x: x[start::step], x)


@drawn("take")
@drawn("pick")
def takes(draw):
    x = cube(draw)
    axis = draw(st.integers(0, x.values.ndim - 1))
    size = x.values.shape[axis]
    chosen = draw(st.lists(st.integers(-size, size - 1), min_size=1, max_size=4))
    return copied(lambda b, x: movement.take(b, x, axis, chosen), lambda x: x.take(chosen, axis), x)


@drawn("flip")
def flips(draw):
    x = cube(draw)
    axes = draw(st.lists(st.integers(0, x.values.ndim - 1), max_size=2, unique=True))
    return copied(lambda b, x: movement.flip(b, x, axes), lambda x: np.flip(x, axes), x)


@drawn("split")
def splits(draw):
    x = cube(draw)
    first = draw(st.integers(1, x.values.shape[0]))
    sizes = [size for size in (first, x.values.shape[0] - first) if size]
    piece = draw(st.integers(0, len(sizes) - 1))
    start = first if piece else 0
    return copied(
        lambda b, x: movement.split(b, x, 0, sizes)[piece], lambda x: x[start : start + sizes[piece]], x
    )


@drawn("pad")
def pads(draw):
    """Zeros around and crops, twice over: a second pad reads outside of what the first one cropped."""
    x = cube(draw)
    amounts = [draw(st.tuples(st.integers(-1, 2), st.integers(0, 2))) for _ in x.values.shape]
    amounts = [(before if size > 1 else max(before, 0), after) for size, (before, after) in zip(x.values.shape, amounts)]
    again = [(draw(st.integers(0, 1)), 0) for _ in x.values.shape]

    def expected(x):
        for pairs in (amounts, again):
            x = x[tuple(slice(max(-before, 0), None) for before, _ in pairs)]
            x = np.pad(x, [(max(before, 0), after) for before, after in pairs])
        return x

    return copied(lambda b, x: movement.pad(b, movement.pad(b, x, amounts), again), expected, x)


@drawn("pad", "a list")
def padded_lists(draw):
    """A dimension of 1 beside one that is read by a list: reads outside of some other stored axis."""
    x = draw(operands((3, 2, 1), intervals(12), views=["listed"]))
    amounts = [(0, 0), (0, 0), draw(st.tuples(st.integers(0, 2), st.integers(0, 2)))]
    return copied(lambda b, x: movement.pad(b, x, amounts), lambda x: np.pad(x, amounts), x)


@drawn("concat")
def joins(draw):
    pieces = draw(st.lists(operands((draw(st.integers(1, 2)), 2), intervals(8), EXPONENTS), min_size=1, max_size=3))
    many = draw(st.sampled_from([1, 1, 1, 9]))
    finest = max(piece.exponent for piece in pieces)

    def expected(*arrays):
        return np.concatenate([x << finest - piece.exponent for x, piece in zip(arrays, pieces)] * many, axis=1)

    return copied(lambda b, *tensors: movement.concat(b, tensors * many, 1), expected, *pieces)


def cut_differently(function, expected):
    """Of two views of 6 elements whose axes do not nest, so that they cannot be aligned."""

    def flat(b, tensor):
        return movement.reshape(b, tensor, (6,))

    def draws(draw):
        left, right = draw(operands((2, 3), intervals(10))), draw(operands((3, 2), intervals(10)))
        return copied(
            lambda b, x, y: function(b, flat(b, x), flat(b, y)), lambda x, y: expected(x.reshape(-1), y.reshape(-1)), left, right
        )

    return draws


drawn("plus", "cut differently")(cut_differently(movement.plus, np.add))
drawn("align_all", "cut differently")(cut_differently(lambda b, *t: movement.align_all(b, t)[1], lambda x, y: y))
drawn("multiply", "cut differently")(cut_differently(arithmetic.multiply, np.multiply))
drawn("einsum", "cut differently")(cut_differently(lambda b, x, y: arithmetic.einsum(b, "i,i->", x, y), np.dot))


# arithmetic


def sums(function, expected):
    def draws(draw):
        left, right = draw(broadcast_pairs(intervals(20), intervals(20), EXPONENTS))
        finest = max(left.exponent, right.exponent)
        up = [finest - operand.exponent for operand in (left, right)]
        return copied(function, lambda x, y: expected(x << up[0], y << up[1]), left, right)

    return draws


drawn("add")(sums(arithmetic.add, lambda x, y: x + y))
drawn("subtract")(sums(arithmetic.subtract, lambda x, y: x - y))


@drawn("add", "many terms")
def long_sums(draw):
    """More terms than a tensor may have: the sum is copied."""
    x, count = draw(operands((18,), intervals(10))), 18

    def added(b, x):
        total = movement.slice_(b, x, 0, 0, 1)
        for i in range(1, count):
            total = arithmetic.add(b, total, movement.slice_(b, x, 0, i, i + 1))
        return total

    return copied(added, lambda x: x.sum(keepdims=True), x)


@drawn("negate")
def negations(draw):
    return copied(arithmetic.negate, lambda x: -x, draw(operands(interval=intervals(60))))


@drawn("scale")
@drawn("shift")
def multiples(draw):
    x, factor, places = draw(operands(interval=intervals(20))), draw(integers_of(-(1 << 30), 1 << 30)), draw(st.integers(0, 9))
    return copied(
        lambda b, x: arithmetic.shift(b, arithmetic.scale(b, x, factor, places), places + 2), lambda x: x * factor * 4, x
    )


@drawn("multiply")
def products(draw):
    """Of two tensors, of one with itself, of products."""
    left, right = draw(broadcast_pairs(intervals(12), intervals(12), EXPONENTS))
    kind = draw(st.sampled_from(["plain", "square", "cube"]))

    def multiplied(b, x, y):
        if kind == "square":
            x = y = arithmetic.multiply(b, x, y)
        if kind == "cube":
            y = arithmetic.multiply(b, x, y)
        return arithmetic.multiply(b, x, y)

    return copied(multiplied, lambda x, y: {"plain": x * y, "square": (x * y) ** 2, "cube": x * x * y}[kind], left, right)


@drawn("factors_of")
def products_of_sums(draw):
    """Of tensors of one term or of more than a product distributes."""
    x, y = draw(operands((5,), intervals(12))), draw(operands((5,), intervals(12)))
    many = draw(st.sampled_from([(1, 1), (5, 1), (1, 5), (5, 5)]))

    def pieces(b, tensor, count):
        return movement.concat(b, movement.split(b, tensor, 0, [5 // count] * count), 0)

    return copied(lambda b, x, y: arithmetic.multiply(b, pieces(b, x, many[0]), pieces(b, y, many[1])), np.multiply, x, y)


@drawn("multiply", "three factors")
def three_factors(draw):
    plain = ("input", "weights", "transposed", "strided")
    x = draw(operands(shapes(1), intervals(12), 0, plain))
    y, z = (draw(operands(x.values.shape, intervals(12), 0, plain)) for _ in range(2))
    return copied(lambda b, x, y, z: x * y * z, lambda x, y, z: x * y * z, x, y, z)


@drawn("reduce_sum")
def reductions(draw):
    x = cube(draw)
    axes = draw(st.one_of(st.none(), st.lists(st.integers(0, x.values.ndim - 1), min_size=1, unique=True)))
    keep, square = draw(st.booleans()), draw(st.booleans())

    def reduced(b, x):
        return arithmetic.reduce_sum(b, arithmetic.multiply(b, x, x) if square else x, axes, keep)

    whole = None if axes is None else tuple(axes)
    return copied(reduced, lambda x: (x * x if square else x).sum(whole, keepdims=keep), x)


@drawn("matmul")
@drawn("einsum")
def matrix_products(draw):
    """Vectors, matrices, batches; an operand of more terms than a product distributes."""
    m, k, n = (draw(st.integers(1, 3)) for _ in range(3))
    left = draw(st.sampled_from([(k,), (m, k), (2, m, k)]))
    right = draw(st.sampled_from([(k,), (k, n), (1, k, n)]))
    x, y = draw(operands(left, intervals(12), EXPONENTS)), draw(operands(right, intervals(12), EXPONENTS))
    return copied(arithmetic.matmul, np.matmul, x, y)


@drawn("matmul", "by weights")
def known_products(draw):
    """The interval of a product by weights comes from their values, whatever their sign."""
    x, w = draw(operands((2, 3), intervals(12))), draw(operands((3, 2), intervals(12), views=["weights"]))
    sign = draw(st.sampled_from([1, -1]))
    return copied(lambda b, x, w: arithmetic.matmul(b, x, w * sign), lambda x, w: sign * (x @ w), x, w)


@drawn("matmul", "of three factors")
def triple_products(draw):
    """An operand that is a product itself stays one."""
    x, y = draw(operands((2, 3), intervals(9))), draw(operands((2, 3), intervals(9)))
    w = draw(operands((3, 2), intervals(9), views=["weights"]))
    product = lambda b, x, y, w: arithmetic.matmul(b, arithmetic.multiply(b, x, y), w, factors=3)  # noqa: E731
    return copied(product, lambda x, y, w: (x * y) @ w, x, y, w)


@drawn("convolve")
@drawn("cut")
def convolutions(draw):
    groups, channels, kernels = draw(st.sampled_from([(1, 1, 1), (1, 2, 1), (2, 2, 2), (2, 2, 4)]))
    size, taps = draw(st.integers(2, 4)), draw(st.integers(1, 2))
    stride, dilation = draw(st.integers(1, 2)), draw(st.integers(1, 2))
    pads = draw(st.tuples(st.integers(0, 1), st.integers(0, 1)))
    taps = taps if size + sum(pads) > dilation * (taps - 1) else 1
    x = draw(operands((1, channels, size), intervals(8)))
    w = draw(operands((kernels, channels // groups, taps), intervals(8)))

    def expected(x, w):
        padded = np.pad(x, [(0, 0), (0, 0), pads])
        count = (padded.shape[2] - dilation * (taps - 1) - 1) // stride + 1
        result = np.zeros((1, kernels, count), dtype=np.int64)
        for o in range(kernels):
            first = o // (kernels // groups) * (channels // groups)
            for i in range(count):
                window = padded[0, first : first + channels // groups, i * stride :: dilation][:, :taps]
                result[0, o, i] = (window * w[o]).sum()
        return result

    return copied(lambda b, x, w: arithmetic.convolve(b, x, w, (stride,), pads, (dilation,), groups), expected, x, w)


@drawn("virtual")
def looked_up_products(draw):
    """A lookup of a product, of a quotient or of a coefficient of 2^40 and more: its component is a virtual column."""
    left, right = draw(broadcast_pairs(intervals(5), intervals(5)))
    kind = draw(st.sampled_from(["product", "quotient", "multiple"]))

    def called(b, x, y):
        product = arithmetic.multiply(b, x, y)
        if kind == "quotient":
            product = (b.copy(product * 3, "g")).divide_exactly(3)
        if kind == "multiple":
            product = b.copy(product, "g") * (1 << 42)
        return gadgets.range_check(b, "g", product, product.low, product.high)

    return Instance([left, right], called, lambda x, y: x * y << (42 if kind == "multiple" else 0))
