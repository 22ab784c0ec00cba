"""Operators register themselves: a file under `operators/<family>/` declares how its operator lowers, or of which other
operators it consists, and nothing else lists it. Names are those of `Node.kind`: "Add", "ai.onnx.ml.Scaler"."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from tacit.graph import Node
from tacit.numbers.functions import Function
from tacit.passes.expansion import Expand

if TYPE_CHECKING:
    from tacit.operators.context import Context

Lower = Callable[["Context", Node], None]
Rounds = Callable[["Context", Node, str], "int | None"]
Weighs = Callable[["Context", Node], "tuple[str, np.ndarray] | None"]
Describe = Callable[["Context", Node], Function]
Widest = Callable[["Context", Node], int]


@dataclass(frozen=True)
class Lowering:
    """How an operator lowers.

    `rounds(context, node, input)`: the exponent at which the node rounds that input, or None when it does not round it
    itself. `weighs(context, node)`: (data input, float weights that multiply it), or None; lets the compiler choose a
    common shift. `function(context, node)`: the function of one variable that the node applies to its first input.
    `widest(context, node)`: the most bits of a wide first input that the node does not round again.
    """

    operator: str
    lower: Lower
    rounds: Rounds | None = None
    weighs: Weighs | None = None
    function: Describe | None = None
    widest: Widest | None = None


OWN_DOMAIN = "tacit"
"""Kinds of nodes that only the compiler itself writes."""
LOWERINGS: dict[str, Lowering] = {}
EXPANSIONS: dict[str, Expand] = {}


def lowering(
    *operators: str,
    rounds: Rounds | None = None,
    weighs: Weighs | None = None,
    function: Describe | None = None,
    widest: Widest | None = None,
) -> Callable[[Lower], Lower]:
    """Registers a function as the lowering of ONNX operators."""

    def register(lower: Lower) -> Lower:
        for operator in operators:
            if operator in LOWERINGS:
                raise ValueError(f"two lowerings of {operator}")
            LOWERINGS[operator] = Lowering(operator, lower, rounds, weighs, function, widest)
        return lower

    return register


def expansion(*operators: str) -> Callable[[Expand], Expand]:
    """Registers `function(expansion, node) -> names of the results` as the parts of operators."""

    def register(function: Expand) -> Expand:
        for operator in operators:
            if operator in EXPANSIONS:
                raise ValueError(f"two expansions of {operator}")
            EXPANSIONS[operator] = function
        return function

    return register


def as_output(context: Context, node: Node, name: str) -> int | None:
    """The `rounds` of operators that keep values where they are or move them: their input is rounded as their output
    is."""
    del name
    return context.rounding(node.outputs[0])


@lru_cache(maxsize=1)
def discover() -> frozenset[str]:
    """Imports every operator file once; returns the names of all operators that can be lowered or expanded."""
    package = importlib.import_module("tacit.operators")
    for family in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        if family.ispkg:
            for module in pkgutil.iter_modules(importlib.import_module(family.name).__path__, family.name + "."):
                importlib.import_module(module.name)
    if both := LOWERINGS.keys() & EXPANSIONS.keys():
        raise ValueError(f"both a lowering and an expansion of {sorted(both)}")
    return frozenset(kind for kind in LOWERINGS.keys() | EXPANSIONS.keys() if not kind.startswith(f"{OWN_DOMAIN}."))
