"""One gadget code, several readings: program, circuit, values and cost agree, before and after a trip through JSON."""

from __future__ import annotations

import gc
import json
import weakref

import numpy as np
import pytest
from circuit_oracle import columns_of, failing, well_formed

from tacit.arithmetize import arithmetize, circuit_of
from tacit.circuit import Constant, Iota, decode
from tacit.errors import InputError, ModelError
from tacit.execute import execute, executed
from tacit.primitives import arithmetic, movement
from tacit.primitives.builder import Rows, Table, gadget, listed, range_table
from tacit.primitives.cost import Cost
from tacit.primitives.evaluate import Evaluate, Unsatisfied
from tacit.primitives.program import Program, ProgramBuilder, run


@gadget("test/round_relu")
def round_relu(b, name, x, shift):
    """y = max(0, round(x / 2^shift)) by one table over the whole interval, the quotient virtual."""
    half = 1 << shift - 1
    low, high = (x.low + half) >> shift, (x.high + half) >> shift
    y = b.commit(
        name, x, 0, max(high, 0), lambda: np.maximum((b.value(x) + half) >> shift, 0), exponent=x.exponent - shift
    )
    rem = b.commit(f"{name}/remainder", x, 0, 2 * half - 1, lambda: (b.value(x) + half) & (2 * half - 1))
    b.lookup(f"{name}/remainder", range_table(2 * half), [rem])
    segments = []
    if low < 0:
        segments.append(Rows(-low, (Iota(low), Constant(0))))
    if high >= 0:
        segments.append(Rows(high + 1, (Iota(0), Iota(0))))
    quotient = b.virtual(f"{name}/q", (x + half - rem).divide_exactly(2 * half), low, high)
    b.lookup(f"{name}/table", Table(f"relu/{low}..{high}", tuple(segments)), [quotient, y])
    return y


@gadget("test/square")
def square(b, name, *tensors, public=False):
    """The sum of squares of several tensors, committed."""
    total = tensors[0] * tensors[0]
    for tensor in tensors[1:]:
        total = total + tensor * tensor
    y = b.commit(name, total, total.low, total.high, lambda: b.value(total), exponent=total.exponent, public=public)
    b.contract(name, y - total)
    return y


def network(b, seed=0):
    """A convolution, a rounding, a reshape that needs a copy, a matrix product with a transposed view, two outputs."""
    rng = np.random.default_rng(seed)
    x = b.input("x", (1, 2, 4, 5), -20, 20, 4)
    w = b.weight("conv/w", rng.integers(-7, 8, (3, 2, 3, 3)), 3)
    bias = b.weight("conv/b", rng.integers(-50, 50, (3, 1, 1)), 7)
    y = arithmetic.add(b, arithmetic.convolve(b, x, w, strides=(1, 2), pads=(1, 0, 1, 1)), bias)
    y = round_relu(b, "relu", y, shift=5)
    flat = movement.reshape(b, movement.transpose(b, y, (0, 2, 1, 3)), (3, -1))
    z = arithmetic.matmul(b, flat, movement.transpose(b, flat))
    z = round_relu(b, "again", z, shift=3)
    pair = square(b, "squares", z, movement.flip(b, z, [0]), public=True)
    b.output("y", pair, shape=(1, 3, 3))
    b.output("x_again", movement.slice_(b, x, 3, 0, 2), dtype="int64")


@pytest.fixture(scope="module")
def recorded():
    builder = ProgramBuilder()
    network(builder)
    return builder.program(), builder.weights


@pytest.fixture(scope="module")
def given():
    return {"x": np.random.default_rng(5).integers(-20, 21, (1, 2, 4, 5))}


def direct(x):
    b = Evaluate({"x": x}, check=True)
    network(b)
    return b


def test_a_replayed_program_computes_what_the_code_computes(recorded, given):
    program, weights = recorded
    witness, public, outputs = execute(program, weights, given, check=True)
    b = direct(given["x"])
    assert (witness, public) == (b.witness(), b.public())
    assert outputs["y"].shape == (1, 3, 3) and (outputs["y"] == b.outputs()["y"]).all()
    assert (outputs["x_again"] == given["x"][..., :2]).all()


def test_arrays_of_a_builder_go_with_it(recorded, given):
    """Without waiting for the collector of cycles: they are as large as the proof that comes next."""
    program, weights = recorded
    gc.disable()
    try:
        builder = executed(program, weights, given)
        held = weakref.ref(builder)
        assert builder.witness() and builder.public()
        del builder
        assert held() is None
    finally:
        gc.enable()


def test_json_changes_nothing(recorded, given):
    program, weights = recorded
    again = Program.from_json(json.loads(json.dumps(program.to_json())))
    assert again.to_json() == program.to_json()
    assert arithmetize(again, weights) == arithmetize(program, weights)
    assert execute(again, weights, given)[:2] == execute(program, weights, given)[:2]


def test_the_circuit_holds_for_the_witness_and_for_no_other(recorded, given):
    program, weights = recorded
    data, buffer = arithmetize(program, weights)
    circuit = decode(data)
    well_formed(circuit)
    witness, public, _ = execute(program, weights, given)
    values = columns_of(circuit, buffer, witness, public)
    assert failing(circuit, values) is None
    rng = np.random.default_rng(0)
    for number, cells in values.items():
        place = np.unravel_index(rng.integers(cells.size), cells.shape)
        for step in (-1, 1):
            cells[place] += step
            if circuit.columns[number].home in ("witness", "virtual"):
                assert failing(circuit, values) is not None, circuit.columns[number].name
            cells[place] -= step


def test_buffers_follow_the_circuit(recorded):
    program, weights = recorded
    circuit = circuit_of(program)
    homes = [column.home for column in circuit.columns]
    assert homes.count("weights") == 2 and homes.count("virtual") == 2 and "count" not in homes[: homes.index("count")]
    assert [(p.name, p.is_output, p.dtype, p.shape) for p in circuit.publics] == [
        ("x", False, "float32", (1, 2, 4, 5)),
        ("y", True, "float32", (1, 3, 3)),
        ("x_again", True, "int64", (1, 2, 4, 2)),
    ]
    assert sorted(p.column for p in circuit.publics) == [i for i, home in enumerate(homes) if home == "public"]
    for table in circuit.tables:
        for segment in table.segments:
            column = circuit.columns[segment.count]
            assert (column.home, column.shape) == ("count", (segment.entries,))


def test_costs_count_what_the_circuit_has(recorded):
    program, _ = recorded
    cost, circuit = Cost(), circuit_of(program)
    run(program, cost)
    cells = {
        home: sum(int(np.prod(c.shape)) for c in circuit.columns if c.home == home)
        for home in ("witness", "count", "weights")
    }
    assert (cost.cells, cost.table_rows, cost.weights) == (cells["witness"], cells["count"], cells["weights"])
    leaves = sum(int(np.prod(lookup.components[0].axes[: lookup.components[0].outputs])) for lookup in circuit.lookups)
    assert cost.lookups == leaves
    relu, copied = cost.steps["relu"], cost.steps["copy"]
    assert (relu.cells, relu.lookups, copied.cells, copied.lookups) == (48, 48, 24, 0)


def test_equal_tables_and_virtual_columns_are_stored_once():
    b = Evaluate({"x": np.array([3, 4])}, check=True)
    x = b.input("x", (2,), 0, 7, 0)
    for name in ("one", "two"):
        b.lookup(name, Table(name, (Rows(50, (Iota(0),)),)), [x * x])
    circuit = b.finish()
    assert len(circuit.tables) == 1 and [c.home for c in circuit.columns].count("virtual") == 1


def test_checking_finds_broken_relations():
    b = Evaluate({"x": np.array([[3, -4], [0, 9]])}, check=True)
    x = b.input("x", (2, 2), -9, 9, 0)
    with pytest.raises(Unsatisfied, match="is 2 at \\(0, 0\\)"):
        b.contract("off", x - 1)
    with pytest.raises(Unsatisfied, match="\\[-4\\] is no row of range/10"):
        b.lookup("range", range_table(10), [x])
    pairs = Table("pairs", (Rows(3, (listed([3, -4, 0]), listed([9, 16, 0]))), Rows(1, (Constant(9), Constant(81)))))
    b.lookup("squares", pairs, [x, x * x])
    with pytest.raises(Unsatisfied, match="pairs"):
        b.lookup("cubes", pairs, [x, x * x + 1])
    with pytest.raises(ArithmeticError):
        b.value(x.divide_exactly(2))
    with pytest.raises(ModelError, match="outside 0 .. 5"):
        b.commit("narrow", (2,), 0, 5, lambda: np.array([0, 6]))


def test_inputs_that_do_not_fit_are_refused(recorded):
    program, weights = recorded
    with pytest.raises(InputError, match="x"):
        execute(program, weights, {})
    with pytest.raises(InputError, match="shape"):
        execute(program, weights, {"x": np.zeros((2, 4, 5), dtype=np.int64)})
    with pytest.raises(InputError, match="outside"):
        execute(program, weights, {"x": np.full((1, 2, 4, 5), 21)})
    with pytest.raises(ModelError, match="conv/w"):
        execute(program, {}, {"x": np.zeros((1, 2, 4, 5), dtype=np.int64)})
    with pytest.raises(ModelError, match="conv/b"):
        arithmetize(program, {"conv/w": weights["conv/w"]})


@pytest.mark.parametrize(
    "damage", [{"format": 99}, {"columns": []}, {"axes": []}, {"steps": [["copy"]]}, {"steps": None}]
)
def test_damaged_programs_are_refused(recorded, damage):
    with pytest.raises(ModelError):
        Program.from_json({**recorded[0].to_json(), **damage})
    with pytest.raises(ModelError, match="gadget"):
        run(Program.from_json({**recorded[0].to_json(), "steps": [["no/such", "name", {}]]}), Cost())


@pytest.mark.parametrize("kind", [ProgramBuilder, Cost, lambda: Evaluate({"x": np.arange(4)}, check=True)])
def test_a_column_is_bound_once(kind):
    b = kind()
    x = b.input("x", (4,), 0, 9, 0)
    for name in ("first", "second"):
        b.output(name, x)
    assert [column.home for column in b.columns.values()] == ["public"] * 3
    assert len(b.bound) == 3


def test_the_square_of_a_product_copies_it_once():
    b = Evaluate({"x": np.arange(4)}, check=True)
    x = b.input("x", (4,), 0, 9, 0)
    y = arithmetic.multiply(b, x, x + 1)
    fourth = arithmetic.multiply(b, y, y)
    assert b.value(fourth).tolist() == [(i * i + i) ** 2 for i in range(4)]
    assert [column.home for column in b.columns.values()] == ["public", "witness"]
