"""One drawn instance under every reading: executed, checked, replayed, priced, proved, and changed cell by cell."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from circuit_oracle import failing
from drawn import Instance, arrays_of, tensor_of

from mutation import Witness, fits
from tacit import _core
from tacit.circuit import Circuit, encode
from tacit.errors import ModelError
from tacit.primitives.cost import Cost
from tacit.primitives.evaluate import Evaluate
from tacit.primitives.program import Program, ProgramBuilder, run
from tacit.primitives.tensor import Tensor


@dataclass
class Tally:
    examples: int = 0
    cells: int = 0
    changes: int = 0


@dataclass
class Built:
    """An executed instance; `columns` and `relations` are those that the gadget itself declared."""

    builder: Evaluate
    output: Tensor
    arrays: dict[str, np.ndarray]
    circuit: Circuit
    columns: set[str] = field(default_factory=set)
    relations: set[str] = field(default_factory=set)


def call(builder, instance: Instance) -> Tensor:
    return instance.call(builder, *(tensor_of(builder, n, operand) for n, operand in enumerate(instance.operands)))


def build(instance: Instance) -> Built:
    """Executes the instance with every relation evaluated."""
    arrays = {k: v for n, operand in enumerate(instance.operands) for k, v in arrays_of(n, operand).items()}
    b = Evaluate(arrays, check=True)
    tensors = [tensor_of(b, n, operand) for n, operand in enumerate(instance.operands)]
    columns, relations = set(b.columns), set(b.names["relation"])
    output = instance.call(b, *tensors)
    return Built(b, output, arrays, b.finish(), set(b.columns) - columns, set(b.names["relation"]) - relations)


def computes(instance: Instance, built: Built) -> None:
    """The output's integers are the expected ones and lie in its interval."""
    found = built.builder.value(built.output)
    assert found.shape == built.output.shape, "an output of another shape"
    assert built.output.low <= found.min() and found.max() <= built.output.high, "an output outside its interval"
    if instance.expected is not None:
        np.testing.assert_array_equal(found, instance.expected(*(operand.values for operand in instance.operands)))


def replays(instance: Instance, built: Built) -> None:
    """The recorded program, written and read again, gives the same circuit and witness, at the cost that it states."""
    recorder, cost = ProgramBuilder(), Cost()
    call(recorder, instance)
    program = Program.from_json(json.loads(json.dumps(recorder.program().to_json())))
    again = Evaluate(built.arrays, recorder.weights)
    run(program, again)
    b = built.builder
    assert encode(again.finish()) == encode(built.circuit), "the replayed program has another circuit"
    assert (again.witness(), again.public()) == (b.witness(), b.public()), "the replayed program has another witness"
    run(program, cost)
    cells = {home: sum(int(np.prod(c.shape)) for c in built.circuit.columns if c.home == home) for home in ("witness", "count")}
    tuples = sum(int(np.prod(first.axes[: first.outputs])) for first in (each.components[0] for each in built.circuit.lookups))
    assert (cost.cells, cost.table_rows, cost.lookups) == (cells["witness"], cells["count"], tuples), "another cost"


def repeats(instance: Instance, built: Built) -> None:
    """In a batch every sample has the columns that it has alone, computed first or again, and the batch's circuit holds."""
    recorder = ProgramBuilder(3)
    call(recorder, instance)
    program, weights = recorder.program(), recorder.weights
    turned = {name: np.flip(array).copy() for name, array in built.arrays.items()}
    try:
        run(program, Evaluate(turned, weights, batch=3, alone=True))
    except ModelError:  # cells that the view leaves out are now in it, and the gadget does not take them
        turned = built.arrays
    rows = [built.arrays, turned, built.arrays]
    together = Evaluate({name: np.stack([row[name] for row in rows]) for name in turned}, weights, batch=3)
    run(program, together)
    again = Evaluate(turned, weights, batch=3, alone=True, repeats=True)
    run(program, again)
    for place, row in enumerate(rows):
        alone = Evaluate(row, weights, batch=3, alone=True)
        run(program, alone)
        again.again(row, weights)
        assert (again.witness(), again.public()) == (alone.witness(), alone.public()), "other values when they are computed again"
        assert again.saturated == alone.saturated
        for column in alone.stored:
            if column.home != "weights":
                np.testing.assert_array_equal(together.values[column.name][place], alone.values[column.name], column.name)
    circuit, b = _core.finish(encode(together.finish())), together
    assert _core.check(circuit, b.weight_buffer(), b.public(), b.witness()) is None, "the batch does not satisfy its circuit"


def proves(built: Built) -> None:
    b, progress = built.builder, _core.Progress()
    circuit, weights = _core.finish(encode(built.circuit)), b.weight_buffer()
    prover = _core.Prover(circuit, weights, progress)
    receipt = prover.prove(b.public(), b.witness(), b"walk", progress)
    _core.VerifyingKey(prover.key()).verify(_core.Receipt(receipt), b"walk")


def changed_columns(array: np.ndarray, size: int, most: int, generator: np.random.Generator) -> Iterator[np.ndarray]:
    """The column with a cell one more, one less, and swapped with an unequal one; `most` cells at most."""
    for cell in generator.permutation(array.size)[:most].tolist():
        for delta in (1, -1):
            found = array.copy()
            found[cell] += delta
            if fits(found[cell], size):
                yield found
        others = np.flatnonzero(array != array[cell])
        if others.size:
            found, other = array.copy(), int(generator.choice(others))
            found[[cell, other]] = found[[other, cell]]
            yield found


def is_forced(built: Built, most: int, tally: Tally) -> None:
    """Every committed cell of the gadget, changed, fails at a relation of the gadget."""
    b = built.builder
    witness = Witness(encode(built.circuit), b.weight_buffer(), b.public(), b.witness())
    assert witness.failure() is None, "the oracle refuses the honest witness"
    names = built.relations | {p.name for p in built.circuit.publics if built.circuit.columns[p.column].name in built.columns}
    generator = np.random.default_rng(0)
    for number in witness.free_columns():
        column = witness.circuit.columns[number]
        if column.name not in built.columns:
            continue
        tally.cells += min(most, witness.values[number].size)
        for changed in changed_columns(witness.values[number], column.bytes, most, generator):
            tally.changes += 1
            name = failing_relation(witness, {number: changed})
            assert name is not None, f"{column.name} may be {changed.tolist()} instead of {witness.values[number].tolist()}"
            assert name in names, f"{column.name} is refused by {name}, which is no relation of the gadget"


def failing_relation(witness: Witness, changed: dict[int, np.ndarray]) -> str | None:
    """The oracle's answer; where a component is too wide for it, that of the plain reading, which knows no widths."""
    failure = witness.failure(changed)
    if failure is None or failure[1] != "Magnitude":
        return failure and failure[0]
    columns = witness.values | changed
    for number, plan in witness.plans.items():
        exact = {i: columns[i].astype(object) for i in plan.columns}
        columns[number] = plan.value(exact).astype(np.int64)
    circuit = witness.circuit
    shaped = {i: cells.reshape(circuit.columns[i].shape) for i, cells in columns.items()}
    return failing(circuit, shaped)
