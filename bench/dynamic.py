"""Models that onnxruntime's quantiser makes dynamic int8 ones: how much of what differs inside reaches the outputs.

python bench/dynamic.py [NAME ...] [--held N]    writes bench/dynamic.json

Each float model is quantised by `quantize_dynamic`; unseen inputs then run as integers of a proof, by onnxruntime with the int8
model and by onnxruntime with the float one. `integers`: the share of what is quantised between layers that is another integer than
onnxruntime's. `apart`: 1 - cosine of the outputs, mean and worst; `answers`: share of equal argmax along the last axis.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnxruntime.quantization import QuantType, quantize_dynamic

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import models as seeded  # noqa: E402
import real  # noqa: E402
from tacit.execute import executed  # noqa: E402
from tacit.fidelity import integers_of, outputs_of  # noqa: E402
from tacit.frontends.onnx import load  # noqa: E402
from tacit.graph.evaluate import Evaluator  # noqa: E402
from tacit.lower import lower  # noqa: E402
from tacit.observe import observe  # noqa: E402
from tacit.operators import EXPANSIONS, SUPPORTED  # noqa: E402
from tacit.passes import expand, join_softmax, simplify  # noqa: E402
from tacit.quantize import quantize  # noqa: E402
from tacit.report import cosine  # noqa: E402

RESULTS = HERE / "dynamic.json"
QUANTISES = "DynamicQuantizeLinear"
Row = dict[str, np.ndarray]


@dataclass(frozen=True)
class Workload:
    """A float model, inputs to compile with and unseen ones, and the output that is compared."""

    model: Callable[[], onnx.ModelProto]
    samples: Callable[[], Any]
    held: Callable[[int], Any]
    count: int
    output: str = ""


def packaged(name: str) -> onnx.ModelProto:
    path = real.MODELS[name].path
    if path is None:
        raise FileNotFoundError(f"{real.MODELS[name].package} is not installed: pip install -r requirements-models.lock")
    return onnx.load(path)


def sentences(count: int, skip: int) -> Any:
    return real.given.token_rows(real.given.sentences(count, skip), real.vocabulary(), real.TOKENS)


WORKLOADS = {
    "lenet5": Workload(
        lambda: seeded.build("lenet5"), lambda: seeded.samples("lenet5", 8), lambda n: seeded.samples("lenet5", n + 8)[8:], 200
    ),
    "minilm-l3": Workload(lambda: packaged("minilm-l3"), lambda: sentences(4, 0), lambda n: sentences(n, 8), 24, "461"),
    "ocr-orientation": Workload(
        lambda: packaged("ocr-orientation"),
        real.MODELS["ocr-orientation"].samples,
        lambda n: real.given.words(n, 192, 48, 2, turning=True),
        40,
    ),
    "ocr-recognition": Workload(
        lambda: packaged("ocr-recognition"),
        real.MODELS["ocr-recognition"].samples,
        lambda n: real.given.words(n, 160, 48, 2),
        12,
    ),
}


def with_initialisers(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with its Constant nodes as initialisers, which the quantiser asks for."""
    kept = []
    for node in model.graph.node:
        if node.op_type == "Constant" and node.attribute[0].name == "value":
            tensor = node.attribute[0].t
            tensor.name = node.output[0]
            model.graph.initializer.append(tensor)
        else:
            kept.append(node)
    del model.graph.node[:]
    model.graph.node.extend(kept)
    return model


def rows_of(given: Any, name: str, shape: tuple[int, ...]) -> list[Row]:
    """One by one; arrays are of the only input."""
    if isinstance(given, dict):
        return [{key: array[n : n + 1] for key, array in given.items()} for n in range(len(next(iter(given.values()))))]
    return [{name: np.asarray(array, np.float32).reshape(shape)} for array in given]


def session(path: Path) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


def measure(work: Workload, count: int, folder: Path) -> dict[str, Any]:
    floats, dynamic = folder / "float.onnx", folder / "dynamic.onnx"
    model = with_initialisers(work.model())
    onnx.save(model, floats)
    quantize_dynamic(floats, dynamic, weight_type=QuantType.QInt8)
    first = model.graph.input[0]
    shape = tuple(axis.dim_value or 1 for axis in first.type.tensor_type.shape.dim)
    given = work.samples()
    sized = all(axis.dim_value for axis in first.type.tensor_type.shape.dim[1:])
    samples = rows_of(given, first.name, shape if sized else (1, *np.shape(given)[1:]))
    shape = samples[0][first.name].shape
    rows = rows_of(work.held(count), first.name, shape)
    shapes = {name: array.shape for name, array in samples[0].items()}
    graph = simplify(expand(join_softmax(load(dynamic, shapes, supported=SUPPORTED)), EXPANSIONS))
    scales = quantize(graph, observe(graph, samples))
    lowered = lower(graph, scales)
    names = [node.outputs[0] for node in graph.nodes if node.kind == QUANTISES]
    inside, sessions = Evaluator(graph, names), [session(dynamic), session(floats)]
    output = work.output or sessions[0].get_outputs()[0].name
    differ, whole = 0, 0
    found: list[list[np.ndarray]] = []
    for row in rows:
        builder = executed(lowered.program, lowered.weights, integers_of(scales, row)[0], alone=True)
        integers = inside.run(row)
        differ += sum(int((builder.value(lowered.values[name]) != integers[name]).sum()) for name in names)
        whole += sum(integers[name].size for name in names)
        found.append([outputs_of(builder)[output], *(s.run([output], row)[0] for s in sessions)])
    pairs = {"ours, int8": (0, 1), "ours, float": (0, 2), "int8, float": (1, 2)}
    result: dict[str, Any] = {"inputs": len(rows), "integers": differ / whole}
    for name, (a, b) in pairs.items():
        apart = [1 - cosine(f[a].reshape(-1).astype(float), f[b].reshape(-1).astype(float)) for f in found]
        same = [np.mean(np.argmax(f[a], -1) == np.argmax(f[b], -1)) for f in found]
        result[name] = {"apart": float(np.mean(apart)), "worst": max(apart), "answers": float(np.mean(same))}
    return result


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", default=list(WORKLOADS))
    parser.add_argument("--held", type=int, default=1 << 30, help="unseen inputs at most")
    given = parser.parse_args()
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for name in given.names:
        work = WORKLOADS[name]
        with tempfile.TemporaryDirectory() as folder:
            results[name] = measure(work, min(work.count, given.held), Path(folder))
        print(name, json.dumps(results[name]), flush=True)
        RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
