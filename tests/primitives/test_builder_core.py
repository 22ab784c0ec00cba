"""Circuits of random views, handed to the core: its oracle accepts the witness, and its proofs of them verify."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from test_builder_interpretations import network, round_relu, square
from test_tensor_movement import apply, moves

from tacit import _core
from tacit.circuit import encode
from tacit.primitives import arithmetic, movement
from tacit.primitives.evaluate import Evaluate


def finished(builder):
    return _core.finish(encode(builder.finish()))


def proves(builder):
    """Commits, proves and verifies."""
    circuit = finished(builder)
    weights, witness, public = builder.weight_buffer(), builder.witness(), builder.public()
    assert _core.check(circuit, weights, public, witness) is None
    prover = _core.Prover(circuit, weights, _core.Progress())
    receipt = _core.Receipt(prover.prove(public, witness, b"context", _core.Progress()))
    _core.VerifyingKey(prover.key()).verify(receipt, b"context")


def test_columns_that_the_core_joins_are_the_witness_buffer():
    """Columns of several widths: receipts are the same bytes, and hold when the columns have gone."""
    shape = (5, 7)
    builder = Evaluate({"x": np.random.default_rng(0).integers(-50, 51, shape)}, check=True)
    x = builder.input("x", shape, -50, 50, 0)
    total = square(builder, "squares", round_relu(builder, "y", x * 9, 4), x, public=True)
    builder.output("total", total)
    circuit, columns, public = finished(builder), builder.witness_columns(), builder.public()
    assert len({builder.values[column.name].itemsize for column in builder.stored}) > 1 < len(columns)
    prover, witness = _core.Prover(circuit, builder.weight_buffer(), _core.Progress()), builder.witness()
    joined = _core.Witness(columns)
    assert len(joined) == len(witness) == sum(column.nbytes for column in columns)
    for array in builder.values.values():
        array[...] = 1
    del columns
    builder.clear()
    found = [prover.prove(public, given, b"context", _core.Progress()) for given in (witness, bytearray(witness), joined)]
    assert found[0] == found[1] == found[2]
    _core.VerifyingKey(prover.key()).verify(_core.Receipt(found[2]), b"context")
    with pytest.raises(_core.Malformed, match="buffer"):
        prover.prove(public, _core.Witness([witness[:-1]]), b"context", _core.Progress())


def test_what_is_no_row_of_bytes_is_no_column():
    with pytest.raises(_core.Malformed, match="contiguous"):
        _core.Witness([memoryview(b"abcdef")[::2]])
    with pytest.raises(BufferError):
        _core.Witness([np.arange(4)])


def moved(case):
    """x, moved; a rounded product of it with a weight of its shape; a sum of squares; both published."""
    shape, sequence = case
    array = np.random.default_rng(0).integers(-50, 51, shape)
    builder = Evaluate({"x": array}, check=True)
    x = builder.input("x", shape, -50, 50, 0)
    for move in sequence:
        x = apply(builder, x, move)
    weight = builder.weight("w", np.random.default_rng(1).integers(-9, 10, x.shape), 4)
    y = round_relu(builder, "y", arithmetic.multiply(builder, x, weight), 4)
    total = square(builder, "squares", y, x, public=True)
    builder.output("total", total)
    builder.output("moved", x)
    return builder


@settings(max_examples=25, deadline=None)
@given(moves())
def test_random_views_prove_and_verify(case):
    proves(moved(case))


def test_a_small_network_proves_and_verifies():
    builder = Evaluate({"x": np.random.default_rng(5).integers(-20, 21, (1, 2, 4, 5))}, check=True)
    network(builder)
    proves(builder)


@settings(max_examples=10, deadline=None)
@given(moves())
def test_the_core_refuses_an_altered_cell(case):
    builder = moved(case)
    circuit, witness = finished(builder), bytearray(builder.witness())
    witness[0] ^= 1
    assert _core.check(circuit, builder.weight_buffer(), builder.public(), bytes(witness)) is not None


def test_windows_strides_and_dilations_prove_and_verify():
    rng = np.random.default_rng(3)
    builder = Evaluate({"x": rng.integers(-99, 100, (2, 4, 7, 6))}, check=True)
    x = builder.input("x", (2, 4, 7, 6), -99, 99, 0)
    kernel = builder.weight("w", rng.integers(-9, 10, (6, 2, 3, 2)), 4)
    y = arithmetic.convolve(builder, x, kernel, (2, 1), (2, 0, 1, 1), (2, 3), groups=2)
    builder.output("y", round_relu(builder, "y", y, 4))
    depthwise = builder.weight("d", rng.integers(-9, 10, (4, 1, 2, 2)), 4)
    z = arithmetic.convolve(builder, movement.flip(builder, x, [2]), depthwise, pads=(1, 1, 1, 1), groups=4)
    builder.output("z", round_relu(builder, "z", z, 4))
    proves(builder)
