"""Operators that are other operators put together: each such node is replaced by its parts before anything is observed, so
that every intermediate value gets a range and a scale of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from tacit.errors import ModelError
from tacit.graph import Graph, Node, Value, check
from tacit.graph.export import node_to_onnx

DEEPEST = 16
"""Parts may have parts; deeper nesting is a fault of an expansion."""
LARGEST_KNOWN = 1 << 12
"""Shape inference looks at constants of at most so many elements."""

Expand = Callable[["Expansion", Node], "str | Sequence[str]"]


class Expansion:
    """The parts of one node while they are written down. Values are names; their shapes and dtypes follow from ONNX."""

    def __init__(self, graph: Graph, node: Node, values: dict[str, Value], constants: dict[str, np.ndarray]) -> None:
        self.graph = graph
        self.node = node
        self.nodes: list[Node] = []
        self._count = 0
        self._values = values
        self._constants = constants

    def shape(self, name: str) -> tuple[int, ...]:
        return self._values[name].shape

    def dtype(self, name: str) -> np.dtype:
        return np.dtype(self._values[name].dtype)

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
        name = f"{self.node.name}/{operator}_{len(self.nodes)}"
        node = Node(operator, domain, name, tuple(inputs), tuple(outputs), attributes)
        self._describe(node)
        self.nodes.append(node)
        return outputs

    def _fresh(self, stem: str) -> str:
        self._count += 1
        while (name := f"{self.node.name}/{stem}.{self._count}") in self._values:
            self._count += 1
        return name

    def _describe(self, node: Node) -> None:
        opset = helper.make_opsetid(node.domain, self.graph.opset if not node.domain else 1)
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
            raise ModelError(f"Node {self.node}: its part {node.operator} is not valid: {reason}.") from None
        for name in node.outputs:
            inferred = found.get(name)
            dims = inferred.tensor_type.shape.dim if inferred is not None else []
            ranked = inferred is not None and inferred.tensor_type.HasField("shape")
            if inferred is None or not ranked or not all(dim.HasField("dim_value") for dim in dims):
                raise ModelError(f"Node {self.node}: the shape of its part {node.operator} cannot be told.")
            dtype = helper.tensor_dtype_to_np_dtype(inferred.tensor_type.elem_type)
            self._values[name] = Value(name, tuple(dim.dim_value for dim in dims), dtype.name)


def _type(value: Value) -> onnx.TypeProto:
    return helper.make_tensor_type_proto(helper.np_dtype_to_tensor_dtype(np.dtype(value.dtype)), value.shape)


def expand(graph: Graph, expansions: Mapping[str, Expand]) -> Graph:
    """The graph with every node whose kind has an expansion replaced by its parts, until none is left.

    Raises ModelError when parts have another shape or dtype than the node's outputs, and whatever an expansion raises.
    """
    if not any(node.kind in expansions for node in graph.nodes):
        return graph
    values, constants = dict(graph.values), dict(graph.constants)

    def parts(nodes: Sequence[Node], depth: int) -> list[Node]:
        found: list[Node] = []
        for node in nodes:
            expansion = expansions.get(node.kind)
            if expansion is None:
                found.append(node)
                continue
            if depth == DEEPEST:
                raise ModelError(f"Node {node} expands into itself.")
            made = Expansion(graph, node, values, constants)
            results = expansion(made, node)
            results = [results] if isinstance(results, str) else list(results)
            found.extend(parts([*made.nodes, *_named(node, results, values)], depth + 1))
        return found

    return check(graph.rebuild(parts(graph.nodes, 0), constants, values), "loaded")


def _named(node: Node, results: Sequence[str], values: Mapping[str, Value]) -> list[Node]:
    """The node's outputs as other names of its parts' results; an output that nobody wants may lack a result."""
    named: list[Node] = []
    for i, output in enumerate(node.outputs):
        if not output:
            continue
        result = results[i] if i < len(results) else ""
        if not result:
            raise ModelError(f"Node {node}: its output {output!r} cannot be computed.")
        want, have = values[output], values[result]
        if want.shape != have.shape or want.dtype != have.dtype:
            raise ModelError(
                f"Node {node}: its output {output!r} is {want.dtype}{list(want.shape)}, its parts give "
                f"{have.dtype}{list(have.shape)}."
            )
        named.append(Node("Identity", "", f"{node.name}/output_{i}", (result,), (output,), {}))
    return named
