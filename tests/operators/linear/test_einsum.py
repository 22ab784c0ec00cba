"""Einsum of any number of operands against onnxruntime."""

import pytest
from onnx import helper
from oracle import compare, random

LENGTHS = {"a": 2, "b": 3, "c": 4, "d": 5, "e": 2, "i": 3}


@pytest.mark.parametrize(
    "equation",
    [
        "ab,bc,cd->ad",
        "ab,bc,cd",
        "ab,ab,ab->",
        "a,b,c->cba",
        "ii,ib,bc->ic",
        "...ab,bc,...cd->...ad",
        "ab, bc, cd, de -> ea",
        "iab,iac,ibc->i",
    ],
)
@pytest.mark.parametrize("fixed", [0, 1])
def test_several_operands(equation, fixed):
    parts = equation.replace(" ", "").partition("->")[0].split(",")
    arrays = {
        f"x{i}": random(i, *(1 + i % 2,) * ("..." in part), *(LENGTHS[letter] for letter in part.replace("...", "")))
        for i, part in enumerate(parts)
    }
    constants = {"x1": arrays.pop("x1")} if fixed else {}
    node = helper.make_node("Einsum", [f"x{i}" for i in range(len(parts))], ["y"], "e", equation=equation)
    compare([node], arrays, ["y"], constants, tolerance=5e-3)
