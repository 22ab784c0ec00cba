"""Det of small square matrices, by expansion along the first row."""

from __future__ import annotations

from tacit.errors import UnsupportedOperator
from tacit.graph import Node
from tacit.operators.registry import expansion
from tacit.passes.expansion import Expansion

LARGEST = 4
"""Of larger matrices the products, about size! of them, would lose to rounding what elimination keeps."""


@expansion("Det")
def determinant(e: Expansion, node: Node) -> str:
    x = node.inputs[0]
    size = e.shape(x)[-1]
    if size > LARGEST:
        raise UnsupportedOperator(
            f"{e.place} cannot be proved: its matrices are {size} x {size}; up to {LARGEST} x {LARGEST} can be."
        )
    lead = len(e.shape(x)) - 2

    def cell(row: int, column: int) -> str:
        ends = e.integers(row + 1, column + 1)
        picked = e.op("Slice", x, e.integers(row, column), ends, e.integers(lead, lead + 1))
        return e.op("Squeeze", picked, e.integers(lead, lead + 1))

    def minor(row: int, columns: tuple[int, ...]) -> str:
        """The determinant of the rows from `row` on and these columns."""
        if len(columns) == 1:
            return cell(row, columns[0])
        total = ""
        for place, column in enumerate(columns):
            rest = tuple(other for other in columns if other != column)
            term = e.op("Mul", cell(row, column), minor(row + 1, rest))
            total = e.op("Sub" if place % 2 else "Add", total, term) if total else term
        return total

    return minor(0, tuple(range(size)))
