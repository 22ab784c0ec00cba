"""The rules that make a circuit well-formed (docs/circuit.md, Well-formedness): what soundness and bounded work rest on."""

from __future__ import annotations

from math import prod

from .circuit import COUNT, PUBLIC, VIRTUAL, Circuit, Column, Lookup, Map, Parameters, Public, Sum, Table, View
from .field import TWO_ADICITY, P, bits
from .refused import Refused

CELLS, POSITION, COEFFICIENT = 2**40, 2**62, 2**40


def demand(condition: bool, reason: str) -> None:
    if not condition:
        raise Refused("key", reason)


def small(value: int) -> bool:
    return abs(value) < POSITION


def volume(shape: tuple[int, ...], name: str) -> int:
    """Cells of a column or output indices of a relation."""
    demand(len(shape) <= 64, f"{name} has more than 64 axes")
    cells = prod(shape)
    demand(0 < cells < CELLS and sum(bits(d) for d in shape) < 60, f"{name} has an axis of length 0 or too many cells")
    return cells


def check(circuit: Circuit) -> None:
    """Raises Refused (kind `key`) for a circuit that is unfinished or ill-formed."""
    cells = 0
    for column in circuit.columns:
        cells += check_column(circuit, column)
    demand(cells < 2 * CELLS, "the columns have too many cells in all")
    for table in circuit.tables:
        check_table(circuit, table)
    used = {lookup.table for lookup in circuit.lookups}
    for number, table in enumerate(circuit.tables):
        demand(number in used and bool(table.segments), f"the table {table.name} has no lookups or no rows")
    owned = [segment.count for table in circuit.tables for segment in table.segments]
    for contract in circuit.contracts:
        name = f"the contract {contract.name}"
        check_sum(circuit, name, contract.zero)
        demand(not uses_virtual(circuit, contract.zero), f"{name} uses a virtual column")
    for lookup in circuit.lookups:
        check_lookup(circuit, lookup)
    bound = [public.column for public in circuit.publics]
    for public in circuit.publics:
        check_public(circuit, public)
    for number, column in enumerate(circuit.columns):
        demand(column.home != COUNT or owned.count(number) == 1, f"the count column {column.name} does not have one segment")
        demand(column.home != PUBLIC or bound.count(number) == 1, f"the public column {column.name} does not have one binding")
    check_parameters(circuit.parameters)


def uses_virtual(circuit: Circuit, total: Sum) -> bool:
    return any(circuit.columns[view.column].home == VIRTUAL for term in total.terms for view in term.views)


def check_column(circuit: Circuit, column: Column) -> int:
    name = f"the column {column.name}"
    demand(column.size in (1, 2, 4, 8), f"{name} has cells of {column.size} bytes")
    if column.definition is not None:
        check_sum(circuit, name, column.definition)
        demand(column.definition.output_axes() == column.shape, f"{name} does not have its definition's shape")
        demand(not uses_virtual(circuit, column.definition), f"{name} is defined by a virtual column")
    return volume(column.shape, name)


def check_sum(circuit: Circuit, name: str, total: Sum) -> None:
    demand(total.outputs <= len(total.axes) <= 64, f"{name} has a wrong number of axes")
    volume(total.output_axes(), name)
    demand(all(0 < d < CELLS for d in total.axes), f"{name} has an axis of length 0 or 2^40")
    for term in total.terms:
        demand(len(term.views) <= 3, f"{name} has a term of more than three factors")
        mentioned = set(range(total.outputs))
        for view in term.views:
            check_view(circuit, name, total, view)
            mentioned |= view.axes()
        demand(prod(total.axes[a] for a in mentioned) < POSITION, f"{name} has a term of too many products")
        shared = [a for a in range(len(total.axes)) if sum(a in view.axes() for view in term.views) > 1]
        demand(sum(bits(total.axes[a]) for a in shared) <= 64, f"{name} has a term with too many shared cells")


def check_view(circuit: Circuit, name: str, total: Sum, view: View) -> None:
    demand(view.column < len(circuit.columns), f"{name} uses a column that does not exist")
    column = circuit.columns[view.column]
    demand(column.home != COUNT, f"{name} uses a count column")
    demand(len(view.maps) == len(column.shape), f"{name} reads {column.name} with a wrong number of maps")
    fed = [axis for m in view.maps for axis, _ in m.terms]
    demand(all(axis < len(total.axes) for axis in fed), f"{name} reads along an axis that it lacks")
    demand(len(fed) == len(set(fed)), f"{name} reads {column.name} twice along one axis")
    for m in view.maps:
        if m.indices is not None:
            demand(len(m.indices) == total.axes[m.terms[0][0]], f"{name} has a list that does not fit its axis")
            continue
        own = [axis for axis, _ in m.terms]
        demand(own == sorted(own) and all(stride for _, stride in m.terms), f"{name} has a stride list out of order")
        reach = abs(m.offset) + sum(abs(stride) * total.axes[axis] for axis, stride in m.terms)
        demand(reach < POSITION, f"{name} reads beyond 2^62")


def check_table(circuit: Circuit, table: Table) -> None:
    name = f"the table {table.name}"
    demand(1 <= table.width <= 64, f"{name} has a wrong width")
    for segment in table.segments:
        demand(segment.count < len(circuit.columns), f"{name} names no count column")
        column = circuit.columns[segment.count]
        demand(column.home == COUNT and column.shape == (segment.entries,), f"{name} lacks a count column of its shape")
        demand(len(segment.rules) == table.width, f"{name} has a segment of another width")
        for rule in segment.rules:
            if rule.cells is None:
                demand(small(rule.start) and small(rule.start + rule.step * segment.entries), f"{name} has values beyond 2^62")
            else:
                demand(len(rule.cells) == segment.entries, f"{name} has a list that does not fit its entries")
                demand(all(map(small, rule.cells)), f"{name} has values beyond 2^62")


def check_lookup(circuit: Circuit, lookup: Lookup) -> None:
    name = f"the lookup {lookup.name}"
    demand(lookup.table < len(circuit.tables), f"{name} uses a table that does not exist")
    demand(len(lookup.components) == circuit.tables[lookup.table].width, f"{name} has another width than its table")
    axes = lookup.components[0].output_axes()
    for component in lookup.components:
        check_sum(circuit, name, component)
        demand(component.output_axes() == axes, f"{name} has components of different shapes")
        for term in component.terms:
            demand(len(term.views) <= 1, f"{name} has a product in a component")
            centred = min(term.coefficient, P - term.coefficient)
            demand(centred < COEFFICIENT, f"{name} has a coefficient of 2^40 or more")
            for view in term.views:
                column = circuit.columns[view.column]
                identity = tuple(Map(0, ((a, 1),)) for a in range(len(axes)))
                plain = column.home != VIRTUAL or (column.shape == axes and view.maps == identity)
                demand(plain, f"{name} reads a virtual column in another way than as it is")


def check_public(circuit: Circuit, public: Public) -> None:
    name = f"the binding {public.name}"
    demand(public.column < len(circuit.columns), f"{name} names no column")
    column = circuit.columns[public.column]
    demand(column.home == PUBLIC, f"{name} names no public column")
    none, count = 0 in public.shape, volume(tuple(max(length, 1) for length in public.shape), name)
    demand((1 if none else count) == prod(column.shape), f"{name} has another number of elements than its column")
    demand(not none or public.lowest == public.highest == 0, f"{name} has no elements, but may hold other numbers than 0")
    demand(public.lowest <= public.highest, f"{name} has an empty interval")
    # Two integers of the interval must be two elements of the field.
    demand(public.highest - public.lowest < P, f"{name} has an interval as wide as the field")
    demand(abs(public.exponent) <= 1000, f"{name} has an exponent beyond 1000")


def check_parameters(p: Parameters) -> None:
    demand(1 <= p.log_rows <= 30, "the rows of a limb")
    demand(p.reserved <= 7 << max(p.log_rows - 3, 0), "the reserved rows leave less than an eighth of a limb")
    demand(p.salt <= 64 and p.salt % 4 == 0, "the bytes of a salt")
    oracles = len(p.folds) + 1
    demand(len(p.log_inverse_rates) == oracles == len(p.queries), "folds, rates and queries do not fit together")
    demand(all(1 <= fold <= 8 for fold in p.folds), "the variables of a fold")
    demand(0 <= p.log_rows - sum(p.folds) <= 16, "the sum of the folds")
    demand(all(1 <= rate <= 10 for rate in p.log_inverse_rates), "the rates")
    demand(all(1 <= count <= 4096 for count in p.queries), "the queries")
    for i, rate in enumerate(p.log_inverse_rates):
        demand(p.log_rows - sum(p.folds[:i]) + rate <= TWO_ADICITY, "the size of a domain")
