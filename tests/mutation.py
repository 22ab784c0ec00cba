"""Changes single cells of a witness as a cheating prover would: virtual columns follow their definitions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from tacit import _core
from tacit.circuit import FIELD, Affine, Circuit, Sum, View, decode, encode

WITNESS = ("witness", "virtual")


def position(item, grid: list[np.ndarray]) -> np.ndarray | int:
    """Where one map of a view reads, over a grid of index arrays by axis."""
    if isinstance(item, Affine):
        return item.offset + sum(stride * grid[axis] for axis, stride in item.terms)
    return np.asarray(item.indices, dtype=np.int64)[grid[item.axis]]


def axes_of(view: View) -> set[int]:
    return {a for m in view.maps for a in ([axis for axis, _ in m.terms] if isinstance(m, Affine) else [m.axis])}


class Plan:
    """A sum with the cells that its views read worked out once."""

    def __init__(self, circuit: Circuit, total: Sum) -> None:
        self.shape = total.axes[: total.outputs]
        self.columns = {view.column for term in total.terms for view in term.views}
        self.terms = []
        for term in total.terms:
            inner = sorted({a for v in term.views for a in axes_of(v) if a >= total.outputs})
            axes = [*range(total.outputs), *inner]
            index = np.indices([total.axes[a] for a in axes]) if axes else np.zeros((0,), dtype=np.int64)
            grid = [np.zeros((), dtype=np.int64)] * len(total.axes)
            for place, axis in enumerate(axes):
                grid[axis] = index[place]
            reads = [cells_read(circuit, view, grid) for view in term.views]
            self.terms.append((term.coefficient, tuple(range(total.outputs, len(axes))), reads))

    def value(self, columns: dict[int, np.ndarray]) -> np.ndarray:
        """The sum as centred integers, exact in the field; `columns` holds flat arrays of Python integers."""
        result = np.zeros(self.shape, dtype=object)
        for coefficient, summed, reads in self.terms:
            part: np.ndarray | int = 1
            for column, places, inside in reads:
                part = part * np.where(inside, np.asarray(columns[column][places], dtype=object), 0)
            if summed:
                part = np.sum(part, axis=summed)
            result = result + coefficient * part
        result = np.asarray(result % FIELD, dtype=object).reshape(-1)
        return np.where(result > FIELD // 2, result - FIELD, result)


def cells_read(circuit: Circuit, view: View, grid: list[np.ndarray]) -> tuple[int, np.ndarray, np.ndarray]:
    """(column, flat cells, which of them lie inside)."""
    flat: np.ndarray | int = 0
    inside: np.ndarray | bool = True
    for item, length in zip(view.maps, circuit.columns[view.column].shape, strict=True):
        place = position(item, grid)
        inside = inside & (place >= 0) & (place < length)
        flat = flat * length + place
    return view.column, np.where(inside, flat, 0), np.asarray(inside)


class Witness:
    """All columns of a proof as Python integers, and the oracle on changed ones.

    Witness and virtual cells are widened to 8 bytes: a cheating prover commits to any field element.
    """

    def __init__(self, circuit: bytes, weights: bytes, public: bytes, witness: bytes) -> None:
        original = decode(circuit)
        self.circuit = replace(
            original, columns=tuple(replace(c, bytes=8) if c.home in WITNESS else c for c in original.columns)
        )
        self.encoded, self.weights = encode(self.circuit), weights
        numbers = range(len(original.columns))
        self.order = {
            "weights": [i for i in numbers if original.columns[i].home == "weights"],
            "witness": [i for i in numbers if original.columns[i].home in WITNESS],
            "public": [binding.column for binding in original.publics],
        }
        self.values: dict[int, np.ndarray] = {}
        for home, buffer in (("weights", weights), ("witness", witness), ("public", public)):
            offset = 0
            for i in self.order[home]:
                column = original.columns[i]
                count = int(np.prod(column.shape))
                self.values[i] = np.frombuffer(buffer, f"<i{column.bytes}", count, offset).astype(np.int64)
                offset += count * column.bytes
            assert offset == len(buffer), f"the {home} buffer has another length than its columns"
        self.plans = {
            i: Plan(self.circuit, c.definition) for i, c in enumerate(self.circuit.columns) if c.definition is not None
        }

    def buffer(self, home: str, columns: dict[int, np.ndarray]) -> bytes:
        parts = []
        for i in self.order[home]:
            parts.append(columns[i].astype(f"<i{self.circuit.columns[i].bytes}").tobytes())
        return b"".join(parts)

    def failure(self, changed: dict[int, np.ndarray] | None = None) -> tuple[str, str, list[int]] | None:
        """What the oracle says once `changed` columns replace the computed ones and virtual columns follow."""
        changed = changed or {}
        columns = self.values | changed
        touched = [i for i, plan in self.plans.items() if plan.columns & changed.keys()]
        if touched:
            exact = {j: columns[j].astype(object) for i in touched for j in self.plans[i].columns}
            columns |= {i: self.plans[i].value(exact).astype(np.int64) for i in touched}
        return _core.check(
            self.encoded, self.weights, self.buffer("public", columns), self.buffer("witness", columns)
        )

    def free_columns(self) -> list[int]:
        """What the prover is free to choose: witness columns and public outputs."""
        outputs = [public.column for public in self.circuit.publics if public.is_output]
        return [i for i in self.order["witness"] if self.circuit.columns[i].home == "witness"] + outputs

    def changes(self, column: int, cells: int, generator: np.random.Generator) -> Iterator[np.ndarray]:
        """The column with one of `cells` sampled cells changed: by 1, by -1, by a large number; with two unequal cells
        swapped."""
        array = self.values[column]
        wide = self.circuit.columns[column].bytes == 8
        for cell in generator.permutation(array.size)[:cells].tolist():
            far = int(generator.integers(2, 1 << 40)) if wide else 2
            for delta in (1, -1, far):
                found = array.copy()
                found[cell] += delta
                if fits(found[cell], self.circuit.columns[column].bytes):
                    yield found
        first, *rest = generator.permutation(array.size).tolist()
        for second in (cell for cell in rest if array[cell] != array[first]):
            found = array.copy()
            found[[first, second]] = found[[second, first]]
            yield found
            return


def fits(value: int, size: int) -> bool:
    return -(1 << 8 * size - 1) <= int(value) < 1 << 8 * size - 1
