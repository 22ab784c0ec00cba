"""Models with control flow -> flat models: branches chosen or selected, loops unrolled, sequences and optionals resolved.

The nodes are applied one after another to symbolic tensors. What depends on no input and is small is computed at once, so
that trip counts, conditions, positions and shapes are numbers wherever the model allows it. A node that is applied again to
the same values gives the same results: what a loop computes of its surroundings alone, its weights included, is there once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from tacit.errors import ModelError, UnsupportedOperator
from tacit.frontends import onnx_shapes
from tacit.frontends.onnx_control import BRANCHING
from tacit.frontends.onnx_file import LARGEST_KEPT, SUBGRAPHS, TENSOR_DTYPES, Source, array_of, constant_of
from tacit.frontends.onnx_sequences import COLLECTING
from tacit.frontends.onnx_values import Item, Items, Maybe, Scope, Site, Tensor

Kind = tuple[int, "tuple[int, ...] | None"]
"""Element type and shape, 0 and None where they are unknown."""
RULES = {**BRANCHING, **COLLECTING}
MOST_NODES = 1 << 16
"""Loops may unroll to so many nodes in all."""
RANDOM = frozenset({"RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial", "Bernoulli"})
OWN = ("", "ai.onnx")


def unrolled(source: Source, model: onnx.ModelProto, trips: int | None = None) -> tuple[onnx.ModelProto, dict[str, np.ndarray]]:
    """A flat model that computes what `model` does, and the large constants that its subgraphs held, which are inputs of
    the flat model as `Source` has them.

    A condition that depends on the input selects between values of both branches; a loop whose end depends on it makes
    all its turns (at most `trips`, where the model itself sets no bound) and keeps its state from there on. An output that is
    a sequence becomes one output an element: name_0, name_1, ... Raises UnsupportedOperator, naming the node, where a
    shape, a position or the number of collected values depends on the input, and ModelError for a damaged model.
    """
    if not any(node.domain in OWN and node.op_type in RULES for node in model.graph.node):
        _refuse_subgraphs(model.graph.node)
        return model, {}
    return Unroller(source, model, trips).run()


def _refuse_subgraphs(nodes: Sequence[onnx.NodeProto]) -> None:
    found = [f"{n.name!r} ({n.op_type})" for n in nodes if any(a.type in SUBGRAPHS for a in n.attribute)]
    if found:
        raise UnsupportedOperator(
            f"The model has control flow of its own kind: {', '.join(found)}; export it with the operators If, Loop and Scan."
        )


@dataclass(frozen=True)
class Body:
    """A subgraph made ready once for all its applications: its constants are tensors of the flat model."""

    nodes: Sequence[onnx.NodeProto]
    inputs: Sequence[str]
    outputs: Sequence[onnx.ValueInfoProto]
    constants: Mapping[str, Item]


class Unroller:
    """The flat model while it grows."""

    def __init__(self, source: Source, model: onnx.ModelProto, trips: int | None) -> None:
        self.model, self.source, self.trips = model, source, trips
        self.opsets = {"" if e.domain == "ai.onnx" else e.domain: e.version for e in model.opset_import}
        self.nodes: list[onnx.NodeProto] = []
        self.large: dict[str, np.ndarray] = {}
        self._initializers: dict[str, onnx.TensorProto] = {}
        self._bodies: dict[str, Body] = {}
        self._known: dict[tuple[str, tuple[int, ...], bytes], Tensor] = {}
        self._named: set[str] = set()
        self._numbers: dict[str, int] = {}
        self._applied: dict[Any, list[Tensor]] = {}
        graph = model.graph
        self._taken = {value.name for value in graph.input} | {name for node in graph.node for name in node.output}
        self._taken |= {tensor.name for tensor in graph.initializer}

    def run(self) -> tuple[onnx.ModelProto, dict[str, np.ndarray]]:
        graph, scope = self.model.graph, Scope()
        for value in graph.input:
            tensor = value.type.tensor_type
            shape = tuple(dim.dim_value for dim in tensor.shape.dim)
            scope.names[value.name] = Tensor(value.name, tensor.elem_type, shape)
        for entry in graph.initializer:
            array = array_of(entry, "The initialiser")
            scope.names[entry.name] = Tensor(entry.name, entry.data_type, array.shape, array)
            self._initializers[entry.name] = entry
        self.walk(graph.node, scope, "", "")
        flat = onnx.ModelProto()
        flat.CopyFrom(self.model)
        del flat.graph.node[:], flat.graph.output[:], flat.graph.initializer[:]
        for value in graph.output:
            self._publish(flat.graph, value.name, self._read(scope, value.name, "The graph"))
        flat.graph.node.extend(self.nodes)
        flat.graph.initializer.extend(self._initializers.values())
        flat.graph.input.extend(
            helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
            for name, array in self.large.items()
        )
        return flat, self.large

    def _publish(self, graph: onnx.GraphProto, name: str, item: Item) -> None:
        """The outputs of the flat model that one output of the model becomes."""
        if isinstance(item, Maybe) and item.item is not None:
            self._publish(graph, name, item.item)
        elif isinstance(item, Items) and item.items:
            for i, part in enumerate(item.items):
                self._publish(graph, f"{name}_{i}", part)
        elif isinstance(item, Tensor):
            if item.name != name:
                if any(name in node.output for node in self.nodes) or name in self._initializers:
                    raise ModelError(f"An element of an output would be called {name!r}, as another value is; rename that.")
                self.nodes.append(helper.make_node("Identity", [item.name], [name], name=f"{name}/output"))
            graph.output.append(onnx.ValueInfoProto(name=name))
            if item.element:
                graph.output[-1].type.tensor_type.elem_type = item.element
        else:
            raise UnsupportedOperator(f"The output {name!r} is empty: it holds no tensor; drop it from the model's outputs.")

    # graphs

    def walk(self, nodes: Sequence[onnx.NodeProto], scope: Scope, path: str, home: str) -> None:
        """Applies nodes in order; their outputs become names of `scope`."""
        for position, node in enumerate(nodes):
            label = node.name or f"{node.op_type}_{position}"
            inputs = [self._read(scope, name, f"Node {path + label!r}") if name else None for name in node.input]
            attributes = {entry.name: helper.get_attribute_value(entry) for entry in node.attribute}
            site = Site(node, inputs, scope, path + label, home + label, attributes)
            results = self._apply(site, path)
            if len(results) < len([name for name in node.output if name]):
                raise ModelError(f"Node {site} has more outputs than its operator gives.")
            scope.names.update({name: item for name, item in zip(node.output, results) if name})

    def body(self, site: Site, name: str) -> Body:
        """A subgraph of a node, given as an attribute."""
        home = f"{site.home}/{name}"
        if home not in self._bodies:
            graph = site.attributes.get(name)
            if not isinstance(graph, onnx.GraphProto):
                raise ModelError(f"Node {site} lacks its {name}; export the model again.")
            constants: dict[str, Item] = {}
            for entry in graph.initializer:
                constants[entry.name] = self.constant(array_of(entry, "The initialiser"), f"{home}/{entry.name}")
            nodes = []
            for node in graph.node:
                if node.op_type == "Constant" and node.domain in OWN and len(node.output) == 1:
                    array = constant_of(node)
                    constants[node.output[0]] = self.constant(array, f"{home}/{node.output[0]}")
                else:
                    nodes.append(node)
            inputs = [value.name for value in graph.input if value.name not in constants]
            self._bodies[home] = Body(nodes, inputs, list(graph.output), constants)
        return self._bodies[home]

    def apply(self, site: Site, name: str, inputs: Sequence[Item], turn: str = "") -> list[Item]:
        """The outputs of a subgraph of a node for these inputs."""
        body = self.body(site, name)
        if len(body.inputs) != len(inputs):
            raise ModelError(f"Node {site}: its {name} takes {len(body.inputs)} inputs and gets {len(inputs)}.")
        scope = Scope({**body.constants, **dict(zip(body.inputs, inputs))}, site.scope)
        path = f"{site.path}/{turn or name}/"
        self.walk(body.nodes, scope, path, f"{site.home}/{name}/")
        return [self._read(scope, value.name, f"Node {site}") for value in body.outputs]

    def _read(self, scope: Scope, name: str, reader: str) -> Item:
        item = scope.find(name)
        if item is None:
            raise ModelError(f"{reader} reads {name!r} before anything computes it; the graph is not in topological order.")
        return item

    # values

    def constant(self, array: np.ndarray, stem: str) -> Tensor:
        """A constant of the flat model; an equal one that is there already."""
        array = np.asarray(array, order="C")
        data = array.tobytes()
        key = (array.dtype.str, array.shape, data if len(data) <= 64 else hashlib.sha256(data).digest())
        if key not in self._known:
            name = self.fresh(stem)
            element = helper.np_dtype_to_tensor_dtype(array.dtype)
            small = array.size <= LARGEST_KEPT
            self._known[key] = Tensor(name, element, array.shape, array if small else None)
            if small:
                self._initializers[name] = numpy_helper.from_array(array, name)
            else:
                self.large[name] = array
        return self._known[key]

    def fresh(self, stem: str) -> str:
        """A name that no value has yet."""
        return self._numbered(stem, self._taken)

    def _numbered(self, stem: str, taken: set[str]) -> str:
        name = stem
        while name in taken:
            self._numbers[stem] = self._numbers.get(stem, 0) + 1
            name = f"{stem}.{self._numbers[stem]}"
        taken.add(name)
        return name

    def op(self, site: Site, operator: str, *inputs: Tensor, **attributes: Any) -> Tensor:
        """The result of a node that `site` consists of."""
        node = helper.make_node(operator, [tensor.name for tensor in inputs], ["out"], **attributes)
        part = Site(node, inputs, site.scope, f"{site.path}/{operator.lower()}", "", attributes)
        return self._tensors(part, f"{site.path}/")[0]

    def reshape(self, site: Site, tensor: Tensor, shape: Sequence[int]) -> Tensor:
        if tensor.shape == tuple(shape):
            return tensor
        return self.op(site, "Reshape", tensor, self.constant(np.array(shape, dtype=np.int64), f"{site.home}/shape"))

    def _apply(self, site: Site, path: str) -> Sequence[Item]:
        node = site.node
        if node.domain in OWN:
            whole = node.op_type == "Identity" and not isinstance(site.item(0), Tensor)
            if whole and site.inputs and site.inputs[0] is not None:
                return [site.inputs[0]]
            if node.op_type in RULES:
                return RULES[node.op_type](self, site)
        _refuse_subgraphs([node])
        return self._tensors(site, path)

    def _tensors(self, site: Site, path: str) -> list[Tensor]:
        """The results of an ordinary node: computed, those of an equal node, or those of a new node."""
        node, inputs = site.node, []
        for item in site.inputs:
            if isinstance(item, (Items, Maybe)):
                raise site.refusal("it takes a sequence or an optional, and only operators on sequences can")
            inputs.append(item)
        while inputs and inputs[-1] is None:
            inputs.pop()
        names = [item.name if item is not None else "" for item in inputs]
        form = onnx.NodeProto(op_type=node.op_type, domain=node.domain, attribute=node.attribute, input=names)
        form.output.extend("o" + str(i) if name else "" for i, name in enumerate(node.output))
        key = None if node.op_type in RANDOM else form.SerializeToString(deterministic=True)
        if path and key in self._applied:
            return self._applied[key]
        types = onnx_shapes.node_types(form, inputs, self.opsets)
        results = self._computed(site, form, inputs, types)
        if results is None:
            outputs = [self.fresh(path + name) if path and name else name for name in node.output]
            if len(self.nodes) >= MOST_NODES:
                raise site.refusal(f"the model's loops make more than {MOST_NODES:,} nodes; give a smaller trip count")
            flat = onnx.NodeProto(op_type=node.op_type, domain=node.domain, attribute=node.attribute, input=names)
            flat.name = self._numbered(site.path, self._named)
            flat.output.extend(outputs)
            self.nodes.append(flat)
            results = [Tensor(name, *kind) for name, kind in zip(outputs, types)]
        if key is not None:
            self._applied[key] = results
        return results

    def _computed(
        self, site: Site, form: onnx.NodeProto, inputs: Sequence[Tensor | None], types: Sequence[Kind]
    ) -> list[Tensor] | None:
        """The results where they are known and small, else None."""
        if form.domain in OWN and form.op_type in ("Shape", "Size") and inputs and inputs[0] is not None:
            shape = inputs[0].shape
            if shape is None:
                return None
            end = site.number("end", len(shape))
            known = shape[site.number("start", 0) : end] if form.op_type == "Shape" else np.prod(shape)
            return [self.constant(np.array(known, dtype=np.int64), site.path)]
        small = all(shape is None or np.prod(shape) <= LARGEST_KEPT for _, shape in types)
        computed = form.op_type in RANDOM or any(item is not None and item.array is None for item in inputs)
        if not small or computed or not all(form.output):
            return None
        try:
            arrays = _evaluate(form, inputs, self.opsets)
        except Exception:  # an operator that ONNX's reference lacks stays a node
            return None
        if not all(array.dtype.name in TENSOR_DTYPES and array.size <= LARGEST_KEPT for array in arrays):
            return None
        return [self.constant(array, f"{site.path}/{i}") for i, array in enumerate(arrays)]


def _evaluate(form: onnx.NodeProto, inputs: Sequence[Tensor | None], opsets: Mapping[str, int]) -> list[np.ndarray]:
    """The outputs of a node whose inputs are known, by ONNX's reference implementation."""
    given = {tensor.name: tensor for tensor in inputs if tensor is not None}
    declared = [helper.make_tensor_value_info(t.name, t.element, t.shape) for t in given.values()]
    graph = helper.make_graph([form], "one", declared, [onnx.ValueInfoProto(name=name) for name in form.output])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid(*entry) for entry in opsets.items()])
    results = ReferenceEvaluator(model).run(None, {name: tensor.array for name, tensor in given.items()})
    return [np.asarray(array) for array in results]
