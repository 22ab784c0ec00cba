"""The verifier's memory and time on receipts made in bad faith, each measured in a process that does nothing else."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tacit
from small_models import dense_model

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "vectors" / "format-1"
MEGABYTE = 1 << 20
"""Magic, kind and format; the circuit's digest and the weights' root follow, then the number of public tensors."""
HEADER = 9
COUNT = HEADER + 64

pytestmark = pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="peaks are read from Linux's /proc")

# Parses a key once; then per receipt: its name, the verdict, the peak of resident memory in kB (reset before each) and the
# seconds of processor time. Nothing of the compiler is loaded.
CHILD = """
import json, sys, time
from pathlib import Path
from tacit import _core

def status(field):
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith(field))

folder = Path(sys.argv[1])
context = (folder / "context").read_bytes()
key = _core.VerifyingKey((folder / "key").read_bytes())
for path in sorted(folder.glob("*.bin")):
    data = path.read_bytes()
    open("/proc/self/clear_refs", "w").write("5")
    before, start = status("VmRSS:"), time.process_time()
    try:
        key.verify(_core.Receipt(data), context)
        verdict = "accepted"
    except _core.Refused as error:
        verdict = str(error)
    spent = time.process_time() - start
    print(json.dumps([path.stem, verdict, before, status("VmHWM:"), spent, len(data)]))
"""


def measured(folder: Path, key: bytes, receipts: Mapping[str, bytes], context: bytes) -> dict[str, dict[str, Any]]:
    """What a fresh process finds, by the receipt's name: verdict, kB before and at the peak, seconds, bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "key").write_bytes(key)
    (folder / "context").write_bytes(context)
    for name, data in receipts.items():
        (folder / f"{name}.bin").write_bytes(data)
    command = [sys.executable, "-c", CHILD, str(folder)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=300, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    )
    assert done.returncode == 0, done.stderr[-2000:]
    names = ("verdict", "before", "peak", "seconds", "bytes")
    rows = {name: dict(zip(names, rest)) for name, *rest in map(json.loads, done.stdout.splitlines())}
    assert rows.keys() == receipts.keys()
    return rows


def borders(receipt: bytes) -> dict[str, int]:
    """Where the parts of a receipt begin."""
    at, (count,) = COUNT + 4, struct.unpack_from("<I", receipt, COUNT)
    found = {"digest": HEADER, "count": COUNT, "public length": at}
    for _ in range(count):
        at += 4 + struct.unpack_from("<I", receipt, at)[0]
    found["context length"] = at
    at += 4 + struct.unpack_from("<I", receipt, at)[0]
    found["witness root"] = at
    found["proof length"] = at + 32
    found["proof"] = at + 36
    return found


def word(data: bytes, at: int, value: int) -> bytes:
    return data[:at] + struct.pack("<I", value) + data[at + 4 :]


def hostile(receipt: bytes) -> dict[str, bytes]:
    """Receipts of about a megabyte that lie about lengths, repeat parts, end early or continue."""
    rng = np.random.default_rng(1)
    at = borders(receipt)
    lengths = [name for name in at if name in ("count", "public length", "context length", "proof length")]
    proof, noise, zeros = receipt[at["proof"] :], rng.bytes(MEGABYTE), bytes(MEGABYTE)
    found = {"noise": noise, "noise behind a header": receipt[:COUNT] + noise, "zeros": receipt[:HEADER] + zeros}
    found |= {"ones": receipt[:HEADER] + b"\xff" * MEGABYTE, "truncated ten bytes early": (receipt + noise)[: len(receipt) - 10]}
    for name in lengths:
        for lie in (0, MEGABYTE, 2**31, 2**32 - 1):
            found[f"{name} {lie}"] = word(receipt, at[name], lie)
            found[f"{name} {lie} and a megabyte"] = word(receipt, at[name], lie) + zeros
    # As many empty tensors as fit, and as many as the length allows to announce.
    found["empty tensors"] = receipt[:COUNT] + struct.pack("<I", MEGABYTE // 4) + zeros
    found["endless empty tensors"] = receipt[:COUNT] + struct.pack("<I", 2**32 - 1) + zeros
    first = struct.unpack_from("<I", receipt, at["public length"])[0]
    tensor = receipt[at["public length"] : at["public length"] + 4 + first]
    copies = MEGABYTE // len(tensor)
    found["repeated tensors"] = receipt[:COUNT] + struct.pack("<I", copies) + tensor * copies + receipt[at["context length"] :]
    found["a tensor of a megabyte"] = (
        word(receipt, at["public length"], MEGABYTE)[: at["public length"] + 4] + zeros + receipt[at["context length"] :]
    )
    found["a context of a megabyte"] = (
        receipt[: at["context length"]] + struct.pack("<I", MEGABYTE) + noise + receipt[at["witness root"] :]
    )
    for name, content in {
        "zeros": zeros,
        "noise": noise,
        "continued with noise": proof + noise,
        "continued with zeros": proof + zeros,
        "interrupted by noise": proof[: len(proof) // 2] + noise + proof[len(proof) // 2 :],
        "interrupted by zeros": proof[:4800] + zeros + proof[4800:],
        "repeated": proof * (MEGABYTE // len(proof)),
        "one digest repeated": proof[:32] * (MEGABYTE // 32),
    }.items():
        found[f"proof {name}"] = receipt[: at["proof length"]] + struct.pack("<I", len(content)) + content
    for name, place in at.items():
        found[f"a megabyte before {name}"] = receipt[:place] + noise + receipt[place:]
    found["a megabyte at the end"] = receipt + noise
    for i, cut in enumerate(rng.integers(1, len(receipt), 12)):
        found[f"truncated {i}"] = receipt[: int(cut)]
    return found


def kept() -> dict[str, bytes]:
    """What the fuzzer found worth keeping."""
    files = sorted(path for target in ("receipt", "verify") for path in (ROOT / "fuzz" / "corpus" / target).glob("*"))
    return {f"fuzzed {i}": path.read_bytes() for i, path in enumerate(files)}


@pytest.mark.parametrize("name", ["softmax", "relations"])
def test_hostile_receipts_take_little_memory_and_time(name, tmp_path):
    key, receipt = ((GOLDEN / name / file).read_bytes() for file in ("key.bin", "receipt.bin"))
    at = borders(receipt)["context length"]
    context = receipt[at + 4 : at + 4 + struct.unpack_from("<I", receipt, at)[0]]
    rows = measured(tmp_path, key, hostile(receipt) | kept() | {"honest": receipt}, context)
    assert rows.pop("honest")["verdict"] == "accepted"
    # The kept inputs may hold the golden receipts themselves, but under this context only this key's are accepted.
    accepted = {row for row, result in rows.items() if result["verdict"] == "accepted"}
    assert all((tmp_path / f"{row}.bin").read_bytes() == receipt for row in accepted), accepted
    worst = max(rows, key=lambda row: rows[row]["peak"])
    slowest = max(rows, key=lambda row: rows[row]["seconds"])
    assert rows[worst]["peak"] < 200_000, (worst, rows[worst])
    assert max(row["peak"] - row["before"] for row in rows.values()) < 40_000
    assert rows[slowest]["seconds"] < 2, (slowest, rows[slowest])


def linear(rows: Mapping[str, Mapping[str, Any]]) -> None:
    """At most 40 bytes of memory for a byte of the receipt, besides 16 MB that do not depend on it."""
    for row in rows.values():
        extra = 1024 * (row["peak"] - row["before"])
        assert extra <= 16 * MEGABYTE + 40 * row["bytes"], rows


def test_memory_grows_with_the_receipt_and_no_faster(tmp_path, model, samples):
    """Valid receipts whose context is long, or whose public tensors are."""
    contexts = {str(size): bytes(size << 20) for size in (0, 1, 4, 16)}
    for name, context in contexts.items():
        receipt = model.prove(samples[0], context=context).to_bytes()
        rows = measured(tmp_path / name, model.key.to_bytes(), {name: receipt}, context)
        assert rows[name]["verdict"] == "accepted" and rows[name]["bytes"] > len(context)
        linear(rows)
    for rows_of in (256, 4096, 32768):
        inputs = np.resize(samples, (rows_of, 6))
        large = tacit.compile(dense_model((6, 3), relu=False, batch=rows_of), samples=[inputs], openings=0)
        receipt = large.prove(inputs).to_bytes()
        found = measured(tmp_path / f"rows {rows_of}", large.key.to_bytes(), {"receipt": receipt}, b"")
        assert found["receipt"]["verdict"] == "accepted" and found["receipt"]["bytes"] > 9 * rows_of
        linear(found)
