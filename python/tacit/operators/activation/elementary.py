"""Exponentials, logarithms, trigonometric and hyperbolic functions, rounding to whole numbers: tables of one variable."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tacit.graph import Node
from tacit.numbers.functions import Function
from tacit.operators.activation.functions import pointwise

if TYPE_CHECKING:
    from tacit.operators.context import Context

NAMES = {
    "Exp": "exp",
    "Log": "log",
    "Sin": "sin",
    "Cos": "cos",
    "Tan": "tan",
    "Asin": "asin",
    "Acos": "acos",
    "Atan": "atan",
    "Sinh": "sinh",
    "Cosh": "cosh",
    "Asinh": "asinh",
    "Acosh": "acosh",
    "Atanh": "atanh",
    "Sign": "sign",
    "Floor": "floor",
    "Ceil": "ceil",
    "Round": "round",
}


def named(context: Context, node: Node) -> Function:
    """Total functions: `Function` says what they are at poles and outside their domains."""
    return Function(NAMES[node.operator])


for operator in NAMES:
    pointwise(operator)(named)
