"""CumProd against ONNX's node cases; an axis that the model computes is refused."""

import node_cases
import pytest

from tacit.errors import UnsupportedOperator

CASES = node_cases.of("CumProd", "cumprod")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_node_case(case):
    node_cases.check(case, constant=(1,))
    with pytest.raises(UnsupportedOperator, match="its axis is computed"):
        node_cases.check(case)
