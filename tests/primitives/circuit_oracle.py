"""An independent reading of a circuit: plain loops over field elements, straight from docs/circuit.md."""

from __future__ import annotations

from itertools import product

import numpy as np

from tacit.circuit import FIELD, Affine, Circuit, Constant, Iota, Line


def columns_of(circuit: Circuit, weights: bytes, witness: bytes, public: bytes) -> dict[int, np.ndarray]:
    """Column number -> integers of its shape; counts left out. Every buffer must be used up exactly."""
    order = {
        "weights": [i for i, c in enumerate(circuit.columns) if c.home == "weights"],
        "witness": [i for i, c in enumerate(circuit.columns) if c.home in ("witness", "virtual")],
        "public": [binding.column for binding in circuit.publics],
    }
    values = {}
    for home, buffer in (("weights", weights), ("witness", witness), ("public", public)):
        offset = 0
        for number in order[home]:
            column = circuit.columns[number]
            count = int(np.prod(column.shape, dtype=np.int64))
            cells = np.frombuffer(buffer, f"<i{column.bytes}", count, offset)
            values[number] = cells.astype(np.int64).reshape(column.shape)
            offset += count * column.bytes
        assert offset == len(buffer), home
    return values


def position(item, index):
    if isinstance(item, Affine):
        return item.offset + sum(stride * index[axis] for axis, stride in item.terms)
    return item.indices[index[item.axis]]


def axes_of(view):
    return {a for m in view.maps for a in ([axis for axis, _ in m.terms] if isinstance(m, Affine) else [m.axis])}


def read(values, view, index):
    places = [position(item, index) for item in view.maps]
    column = values[view.column]
    assert len(places) == column.ndim
    if any(not 0 <= place < length for place, length in zip(places, column.shape)):
        return 0
    return int(column[tuple(places)])


def sum_at(values, total, outputs):
    result = 0
    for term in total.terms:
        assert len(term.views) <= 3 and 0 <= term.coefficient < FIELD
        mentioned = sorted({a for v in term.views for a in axes_of(v) if a >= total.outputs})
        for inner in product(*(range(total.axes[a]) for a in mentioned)):
            index = {**dict(enumerate(outputs)), **dict(zip(mentioned, inner))}
            part = term.coefficient
            for view in term.views:
                part = part * read(values, view, index) % FIELD
            result = (result + part) % FIELD
    return result


def rows_of(table):
    rows = set()
    for segment in table.segments:
        columns = []
        for rule in segment.rules:
            if isinstance(rule, Constant):
                columns.append([rule.value] * segment.entries)
            elif isinstance(rule, Iota):
                columns.append(range(rule.start, rule.start + segment.entries))
            elif isinstance(rule, Line):
                columns.append(rule.start + rule.step * i for i in range(segment.entries))
            else:
                columns.append(np.frombuffer(rule.data, f"<i{rule.bytes}").tolist())
        assert all(len(column) == segment.entries for column in columns)
        rows |= {tuple(value % FIELD for value in row) for row in zip(*columns)}
    return rows


def well_formed(circuit: Circuit) -> None:
    for column in circuit.columns:
        assert (column.definition is not None) == (column.home == "virtual")
        if column.definition is not None:
            assert column.definition.axes[: column.definition.outputs] == column.shape
    for sums, lookup in [([c.zero], None) for c in circuit.contracts] + [(l.components, l) for l in circuit.lookups]:
        for total in sums:
            for view in (view for term in total.terms for view in term.views):
                fed = [a for m in view.maps for a in ([x for x, _ in m.terms] if isinstance(m, Affine) else [m.axis])]
                assert len(fed) == len(set(fed)) and all(0 <= axis < len(total.axes) for axis in fed)
                assert all(m.terms == tuple(sorted(m.terms)) for m in view.maps if isinstance(m, Affine))
                if circuit.columns[view.column].home == "virtual":
                    assert lookup is not None
                    assert view.maps == tuple(Affine(0, ((a, 1),)) for a in range(total.outputs))
            if lookup is not None:
                assert total.axes[: total.outputs] == lookup.components[0].axes[: total.outputs]
                assert all(len(term.views) <= 1 for term in total.terms)
                assert all(min(t.coefficient, FIELD - t.coefficient) < 2**40 for t in total.terms)


def failing(circuit: Circuit, values: dict[int, np.ndarray]) -> str | None:
    """The name of the first relation, virtual column or binding that does not hold."""
    for number, column in enumerate(circuit.columns):
        if column.definition is not None:
            for outputs in product(*map(range, column.shape)):
                if sum_at(values, column.definition, outputs) != int(values[number][outputs]) % FIELD:
                    return column.name
    for contract in circuit.contracts:
        for outputs in product(*map(range, contract.zero.axes[: contract.zero.outputs])):
            if sum_at(values, contract.zero, outputs):
                return contract.name
    for lookup in circuit.lookups:
        rows = rows_of(circuit.tables[lookup.table])
        first = lookup.components[0]
        for outputs in product(*map(range, first.axes[: first.outputs])):
            if tuple(sum_at(values, component, outputs) for component in lookup.components) not in rows:
                return lookup.name
    for public in circuit.publics:
        cells = values[public.column]
        if cells.min() < public.lowest or cells.max() > public.highest:
            return public.name
    return None
