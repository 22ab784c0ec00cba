"""Every operator in a whole proof, and in every such circuit the witness is the only one: any other cell is refused."""

from __future__ import annotations

import classical_cases  # noqa: F401  (adds cases)
import composite_cases  # noqa: F401  (adds cases)
import contrib_cases  # noqa: F401  (adds cases)
import indexing_cases  # noqa: F401  (adds cases)
import numpy as np
import onnxruntime
import pytest
import quantised_cases  # noqa: F401  (adds cases)
import wider_cases  # noqa: F401  (adds cases)
from cases import CASES, FAST, Case
from node_cases import cut

import tacit
from mutation import Witness
from tacit import inputs
from tacit.execute import execute, executed

MOST_CELLS = 40


def compiled(case: Case) -> tuple[tacit.Model, bytes, bytes]:
    """The model compiled on its one sample, with the public and the witness buffer of that sample."""
    samples = {name: array[None] for name, array in case.feeds.items()}
    model = tacit.compile(case.proto(), samples=samples, widths=case.widths)
    witness, public, _ = execute(model.program, model.tensors(), model.integers(case.feeds))
    return model, public, witness


def proves(case: Case) -> None:
    """The oracle finds nothing, the proof verifies, and the receipt's outputs are onnxruntime's."""
    model, public, witness = compiled(case)
    assert tacit._core.check(model.circuit, bytes(model.weights), public, witness) is None
    receipt = model.prove(case.feeds, context=b"case")
    tacit.verify(receipt, model.key, context=b"case")
    session = onnxruntime.InferenceSession(case.proto().SerializeToString(), providers=["CPUExecutionProvider"])
    named = {signature.name: found for signature, found in zip(model.key.outputs, receipt.outputs, strict=True)}
    assert set(case.outputs) == {name for name in named if not name.endswith(".count")}
    for name, expected in zip(case.outputs, session.run(list(case.outputs), case.feeds), strict=True):
        found = cut(named, name, expected)
        assert found.shape == expected.shape and found.dtype == expected.dtype
        if expected.dtype.kind == "f":
            error = float(np.abs(found - expected).max())
            assert error <= case.tolerance * float(np.abs(expected).max()), (error, float(np.abs(expected).max()))
        else:
            np.testing.assert_array_equal(found, expected)


def is_unique(case: Case, cells: int) -> None:
    """No sampled change of a cell that the prover chooses satisfies the circuit."""
    model, public, witness = compiled(case)
    found = Witness(model.circuit, bytes(model.weights), public, witness)
    assert found.failure() is None
    generator = np.random.default_rng(0)
    for column in found.free_columns():
        name = found.circuit.columns[column].name
        for changed in found.changes(column, cells, generator):
            failure = found.failure({column: changed})
            cell = int(np.flatnonzero(changed != found.values[column])[0])
            assert failure is not None, f"cell {cell} of {name} may be {changed[cell]} as well"
            # Magnitude: a large change of a cell of 8 bytes, beyond the 63 bits that an honest component has
            assert failure[1] in ("Contract", "Lookup", "Interval", "Magnitude"), failure


@pytest.mark.parametrize("name", FAST)
def test_operators_in_a_proof(name):
    proves(CASES[name])


@pytest.mark.parametrize("name", FAST)
def test_single_cells_are_forced(name):
    is_unique(CASES[name], 2)


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_a_batch_holds_what_its_samples_hold_alone(name):
    case = CASES[name]
    samples = {key: np.stack([array, np.flip(array)]) for key, array in case.feeds.items()}
    model = tacit.compile(case.proto(), samples=samples, widths=case.widths, batch=2)
    given = model.integers(inputs.batch(samples, model.declared, None, 2))
    together = executed(model.program, model.tensors(), given)
    for n in range(2):
        alone = executed(model.program, model.tensors(), {key: array[n] for key, array in given.items()}, alone=True)
        for key, expected in alone.outputs().items():
            np.testing.assert_array_equal(together.outputs()[key][n], expected)
    assert tacit._core.check(model.circuit, bytes(model.weights), together.public(), together.witness()) is None


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in CASES if name not in FAST])
def test_variants_in_a_proof(name):
    proves(CASES[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_many_cells_are_forced(name):
    is_unique(CASES[name], MOST_CELLS)


def test_a_forgotten_range_check_would_be_found():
    """The search itself: without its lookups, the first case has other witnesses."""
    from dataclasses import replace

    from tacit.circuit import encode

    model, public, witness = compiled(CASES[FAST[0]])
    found = Witness(model.circuit, bytes(model.weights), public, witness)
    used = {found.circuit.tables[lookup.table] for lookup in found.circuit.lookups}
    assert used
    counts = {segment.count for table in found.circuit.tables for segment in table.segments}
    assert counts == set(range(min(counts), len(found.circuit.columns)))
    columns = found.circuit.columns[: min(counts)]
    found.encoded = encode(replace(found.circuit, columns=columns, tables=(), lookups=()))
    generator = np.random.default_rng(0)
    changes = [
        found.failure({column: changed})
        for column in found.free_columns()
        for changed in found.changes(column, 2, generator)
    ]
    assert None in changes
