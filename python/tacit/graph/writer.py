"""Writing nodes down one after another; shapes and dtypes of their results follow from ONNX."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from tacit.errors import ModelError
from tacit.graph.export import node_to_onnx
from tacit.graph.model import Node, Value
from tacit.numbers.dtypes import dtype_of

LARGEST_KNOWN = 1 << 12
"""Shape inference looks at constants of at most so many elements."""


class Writer:
    """A growing list of nodes. Values are names; new ones start with `scope`, which may change on the way.

    `values` and `constants` grow by what is written.
    """

    def __init__(self, scope: str, opset: int, values: dict[str, Value], constants: dict[str, np.ndarray]) -> None:
        self.scope = scope
        self.nodes: list[Node] = []
        self._opset = opset
        self._values = values
        self._constants = constants
        self._count = 0
        self._aside = 0

    @property
    def place(self) -> str:
        """What an error calls the part that is being written."""
        return f"The part {self.scope!r} of the model"

    def shape(self, name: str) -> tuple[int, ...]:
        return self._values[name].shape

    def dtype(self, name: str) -> np.dtype:
        return dtype_of(self._values[name].dtype)

    def known(self, name: str) -> np.ndarray | None:
        """The array of a constant, None for a computed value and for an absent input ('')."""
        return self._constants.get(name)

    def constant(self, array: Any, dtype: Any = None) -> str:
        """A constant of the graph; `dtype` defaults to the array's own."""
        array = np.asarray(array, dtype=dtype)
        name = self._fresh("constant")
        self._constants[name] = array
        self._values[name] = Value(name, tuple(array.shape), array.dtype.name)
        return name

    def integers(self, *numbers: int) -> str:
        """A list of int64: shapes, axes, positions."""
        return self.constant(np.array(numbers, dtype=np.int64))

    def op(self, operator: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        """The only result of a node, in the form of the graph's opset."""
        return self.ops(operator, *inputs, count=1, domain=domain, **attributes)[0]

    def ops(self, operator: str, *inputs: str, count: int, domain: str = "", **attributes: Any) -> list[str]:
        """The first `count` results of a node. Raises ModelError when ONNX cannot tell their shapes."""
        outputs = [self._fresh(operator) for _ in range(count)]
        name = f"{self.scope}/{operator}_{len(self.nodes) - self._aside}"
        node = Node(operator, domain, name, tuple(inputs), tuple(outputs), attributes)
        self._describe(node)
        self.nodes.append(node)
        return outputs

    @contextmanager
    def aside(self, scope: str) -> Iterator[None]:
        """What is written inside has the scope `scope` within the present one, and changes no later name."""
        outer, count, nodes, aside = self.scope, self._count, len(self.nodes), self._aside
        self.scope = f"{outer}/{scope}"
        try:
            yield
        finally:
            self.scope, self._count = outer, count
            self._aside = aside + len(self.nodes) - nodes

    def renamed(self, name: str, stem: str) -> str:
        """The result of the last node under the name that it had if an operator `stem` computed it: scales go by names."""
        last = self.nodes.pop()
        number = name.rpartition(".")[2]
        found = f"{self.scope}/{stem}.{number}"
        value = self._values.pop(name)
        self._values[found] = Value(found, value.shape, value.dtype)
        self.nodes.append(last.with_outputs([found]))
        return found

    def _fresh(self, stem: str) -> str:
        self._count += 1
        while (name := f"{self.scope}/{stem}.{self._count}") in self._values:
            self._count += 1
        return name

    def _describe(self, node: Node) -> None:
        opset = helper.make_opsetid(node.domain, self._opset if not node.domain else 1)
        try:
            schema = onnx.defs.get_schema(node.operator, opset.version, node.domain)
            types = {name: _type(self._values[name]) for name in node.inputs if name}
            known = {
                name: numpy_helper.from_array(np.asarray(self._constants[name], order="C"), name)
                for name in node.inputs
                if name in self._constants and self._constants[name].size <= LARGEST_KNOWN
            }
            found = onnx.shape_inference.infer_node_outputs(
                schema, node_to_onnx(node), types, known, opset_imports=[opset]
            )
        except Exception as error:
            reason = " ".join(str(error).split())[:300]
            raise ModelError(f"{self.place}: its part {node.operator} is not valid: {reason}.") from None
        for name in node.outputs:
            inferred = found.get(name)
            dims = inferred.tensor_type.shape.dim if inferred is not None else []
            ranked = inferred is not None and inferred.tensor_type.HasField("shape")
            if inferred is None or not ranked or not all(dim.HasField("dim_value") for dim in dims):
                raise ModelError(f"{self.place}: the shape of its part {node.operator} cannot be told.")
            dtype = helper.tensor_dtype_to_np_dtype(inferred.tensor_type.elem_type)
            self._values[name] = Value(name, tuple(dim.dim_value for dim in dims), dtype.name)


def _type(value: Value) -> onnx.TypeProto:
    return helper.make_tensor_type_proto(helper.np_dtype_to_tensor_dtype(dtype_of(value.dtype)), value.shape)
