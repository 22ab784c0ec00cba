"""A proof that was killed, at any stage, has taken its place, and no two proofs show anything random twice."""

from __future__ import annotations

import subprocess
import sys
from itertools import combinations

import numpy as np
import pytest

import tacit
from reference import opening, verifier
from small_models import dense_model

SEED = bytes(range(32))
KILLS = """
import os, signal, sys, threading, tacit
from tacit import _core, hiding, model, progress, prover, storage

folder, stage = sys.argv[1:]
die = lambda *_: os.kill(os.getpid(), signal.SIGKILL)

def run(name, work, *_):
    "Dies as soon as the stage has ended, while the core goes on."
    found = _core.Progress()
    def watch():
        while stage not in [ended for ended, _ in found.stages()]:
            pass
        die()
    threading.Thread(target=watch).start()
    work(found)
    die()

def keep(core, _):
    open(folder + "/killed", "wb").write(core.to_bytes())
    die()

loaded = tacit.Model.load(folder + "/m.tacit")
loaded.prepare()
if stage == "before the count":
    hiding.Places.take = die
elif stage == "after the count":
    model.prove = die
elif stage == "made":
    prover.Receipt = keep
elif stage == "not written":
    storage.write = die
else:
    prover.progress.run = run
loaded.prove(folder + "/x.npy", context=b"here").save(folder + "/r")
"""
STAGES = ["before the count", "after the count", "commit", "combine", "made", "not written"]


@pytest.fixture(scope="module")
def compiled(samples) -> tacit.Model:
    return tacit.compile(dense_model(), samples=samples, openings=4, seed=SEED)


def places(root: bytes, depth: int, known: dict[int, bytes], proof) -> None:
    """Takes the siblings of a tree without hashing them: the receipts are known to be valid."""
    for _ in range(depth):
        for position in known:
            if position ^ 1 not in known:
                proof.take("Merkle siblings", 32)
        known = dict.fromkeys((position >> 1 for position in known), b"")


def shown(receipt: bytes, key: bytes, context: bytes) -> set[bytes]:
    """Everything in a hiding receipt that must be random anew: padded messages, what the opening shows of the witness and of
    later oracles, and all salts but those of the weights; words, and salts whole."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(opening, "check_tree", places)
        proof = verifier.walk(receipt, key, context)
    held = verifier.read_key(key)
    weights, queries = held.layout.widths[0], held.circuit.parameters.queries[0]
    found, seen = [], set()
    for label, start, end in proof.places:
        data, first = proof.data[start:end], label not in seen
        seen.add(label)
        if label == "opening: rows" and first:
            rows = (data[at : at + len(data) // queries] for at in range(0, len(data), len(data) // queries))
            data = b"".join(row[8 * weights :] for row in rows)
        if label == "opening: salts":
            found += [] if first else [data[at : at + 16] for at in range(0, len(data), 16)]
        elif label != "Merkle siblings":
            found += [data[at : at + 8] for at in range(0, len(data), 8)]
    assert len(found) == len(set(found)) > 2000
    return set(found)


def test_no_retry_shows_anything_random_again(compiled, samples, tmp_path):
    """Killed before and after the count, between commitment and opening, when the receipt was made, before its file was there."""
    np.save(tmp_path / "x.npy", samples[0])
    key, receipts = compiled.key.to_bytes(), []
    for stage in STAGES:
        compiled.recommit(SEED).save(tmp_path / "m.tacit")
        done = subprocess.run([sys.executable, "-c", KILLS, str(tmp_path), stage], capture_output=True)
        assert done.returncode == -9 and not (tmp_path / "r").exists(), (stage, done.stderr)
        again = tacit.Model.load(tmp_path / "m.tacit")
        assert again.hidden_proofs() == (0 if stage == "before the count" else 1), stage
        if stage in ("commit", "made"):
            receipts.append((again.prove(tmp_path / "x.npy", context=b"here").to_bytes(), b"here"))
            assert again.hidden_proofs() == 2, stage
    receipts.append(((tmp_path / "killed").read_bytes(), b"here"))
    receipts += [(again.prove(samples[0], context=context).to_bytes(), context) for context in (b"here", b"there")]
    for receipt, context in receipts:
        tacit.verify(receipt, key, context=context)
    random = [shown(receipt, key, context) for receipt, context in receipts]
    assert all(one.isdisjoint(other) for one, other in combinations(random, 2))
