"""Ten thousand random changes of receipts, keys and contexts of five models, transparent, as many of receipts that hide, and as
many of receipts with named commitments: each is refused, and by an ordinary error.

Every tamper has a number and depends on it and on the seed alone. `TAMPERS_SEED=n` draws others; `-s` prints what refused them.
"""

from __future__ import annotations

import os
import re
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import tacit
from tacit import _core

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "vectors"), str(ROOT / "tests")]
import exact_models  # noqa: E402
from generate import parts  # noqa: E402
from tampers import KINDS, Attempt, Honest  # noqa: E402

from reference import opening, transcript, verifier  # noqa: E402
from small_models import dense_model  # noqa: E402

SEED = int(os.environ.get("TAMPERS_SEED", "1"))
SOME, ALL = 540, 10_000
LONGEST = 2.0
"""Seconds of the processor that one refusal may take: no change may make the verifier work for long."""

# The models


def normalised() -> onnx.ModelProto:
    """A dense layer, a normalisation, a softmax: divisions, square roots, virtual columns."""
    rng = np.random.default_rng(11)
    draw = lambda *shape: rng.standard_normal(shape).astype(np.float32)  # noqa: E731
    nodes = [
        helper.make_node("Gemm", ["x", "w", "b"], ["h"], transB=1),
        helper.make_node("LayerNormalization", ["h", "g", "s"], ["n"], axis=-1),
        helper.make_node("Softmax", ["n"], ["y"], axis=-1),
    ]
    return exact_models.build(
        nodes, {"w": draw(6, 5), "b": draw(6), "g": 1 + draw(6) / 8, "s": draw(6)}, [("x", [1, 5])], [("y", [1, 6])]
    )


def indexed() -> onnx.ModelProto:
    """Top-k of scores, and the rows of a table at its indices: sorting, secret places, integer and float outputs."""
    rng = np.random.default_rng(12)
    constants = {
        "w": rng.standard_normal((5, 7)).astype(np.float32),
        "t": rng.standard_normal((7, 3)).astype(np.float32),
        "k": np.array([2]),
    }
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["h"]),
        helper.make_node("TopK", ["h", "k"], ["v", "label"]),
        helper.make_node("Gather", ["t", "label"], ["y"], axis=0),
    ]
    return exact_models.build(nodes, constants, [("x", [1, 5])], [("v", [1, 2]), ("label", [1, 2]), ("y", [1, 2, 3])])


def forest() -> onnx.ModelProto:
    """Four complete trees of depth 3 over 5 features, 3 targets."""
    rng = np.random.default_rng(13)
    trees, inner, nodes = 4, 7, 15
    leaf = [node >= inner for _ in range(trees) for node in range(nodes)]
    number = [(tree, node) for tree in range(trees) for node in range(nodes)]
    leaves = [place for place, is_leaf in zip(number, leaf) if is_leaf]
    made = helper.make_node(
        "TreeEnsembleRegressor",
        ["x"],
        ["y"],
        domain="ai.onnx.ml",
        n_targets=3,
        nodes_treeids=[tree for tree, _ in number],
        nodes_nodeids=[node for _, node in number],
        nodes_featureids=[0 if is_leaf else int(rng.integers(5)) for is_leaf in leaf],
        nodes_modes=["LEAF" if is_leaf else "BRANCH_LEQ" for is_leaf in leaf],
        nodes_values=[0.0 if is_leaf else float(rng.uniform(-0.7, 0.7)) for is_leaf in leaf],
        nodes_truenodeids=[0 if is_leaf else 2 * node + 1 for (_, node), is_leaf in zip(number, leaf)],
        nodes_falsenodeids=[0 if is_leaf else 2 * node + 2 for (_, node), is_leaf in zip(number, leaf)],
        target_treeids=[tree for tree, _ in leaves for _ in range(3)],
        target_nodeids=[node for _, node in leaves for _ in range(3)],
        target_ids=[target for _ in leaves for target in range(3)],
        target_weights=rng.uniform(-1, 1, 3 * len(leaves)).tolist(),
    )
    graph = helper.make_graph(
        [made],
        "forest",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 5])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3])],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=9)


MODELS = {
    "perceptron": lambda: dense_model(batch=1),
    "convolution": exact_models.convolution,
    "normalised": normalised,
    "indexed": indexed,
    "forest": forest,
}


HIDE = {
    "perceptron": "weights",
    "convolution": None,
    "normalised": ("weights", "inputs"),
    "indexed": ("inputs", "label"),
    "forest": ("weights", "outputs"),
}
# What has a commitment of its own besides.
COMMIT = {"perceptron": "x", "convolution": "x", "normalised": "x", "indexed": ("x", "label"), "forest": "y"}


@pytest.fixture(params=["transparent", "hiding", "named"])
def mode(request) -> str:
    return request.param


def honest(name: str, mode: str) -> Honest:
    proto, hides = MODELS[name](), mode != "transparent"
    samples = exact_models.samples(proto)
    model = tacit.compile(proto, samples=samples, openings=3 if hides else 0, seed=bytes(32))
    hide, commit = HIDE[name] if hides else (), COMMIT[name] if mode == "named" else ()
    key = model.key.to_bytes()

    def prove(i: int, context: bytes) -> Attempt:
        return Attempt(model.prove(samples[i], hide=hide, context=context, commit=commit).to_bytes(), key, context)

    attempts = [prove(0, b"here"), prove(1, b"here"), prove(0, b"there")]
    weights = bytearray(model.weights)
    weights[len(weights) // 2] ^= 1
    forged = _core.Prover(model.circuit, bytes(weights), _core.Progress(), model.seed).key()
    messages = []
    for attempt in attempts[:2]:
        start, _ = parts(attempt.receipt)["proof"]
        walked = verifier.walk(attempt.receipt, key, attempt.context)
        messages.append([(label, start + begin, start + end) for label, begin, end in walked.places])
    hidden = tacit.Receipt.from_bytes(attempts[0].receipt).core.hidden() or bytes(1 + len(model.key.signatures))
    shown = tuple(signature for signature, flag in zip(model.key.signatures, hidden[1:]) if not flag)
    return Honest(name, key, forged, attempts, *messages, shown)


@cache
def subjects(mode: str) -> list[Honest]:
    """The messages of a proof are found by the reference verifier, here with the core's Keccak-256, for speed."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (transcript, verifier, opening):
            patch.setattr(module, "keccak256", _core.digest)
        return [honest(name, mode) for name in MODELS]


# The verifier's answers

ACCEPTED = "accepted"
KEY, RECEIPT = "These bytes are not a usable key: ", "These bytes are not a receipt: "
VERIFY = "The receipt is not valid for this key: "
# What is wrong with a circuit is said with its names, which are random bytes here; what is none of these is "the circuit".
KEY_CHECKS = {
    "not a key": r"not a tacit",
    "format": r"has format|another format",
    "ends early": r"ends inside|end early|ends too early|longer than the bytes",
    "trailing bytes": r"bytes follow",
    "bits": r"bits of security",
}


def answer(attempt: Attempt) -> str:
    """`accepted`, or what refuses: the sentence of the error without names and numbers. Anything but an error of tacit is a
    crash and passes through, a panic of the core (which is no `Exception`) included."""
    try:
        key = tacit.Key.from_bytes(attempt.key)
        assert key.to_bytes() == attempt.key, "a key has two encodings"
    except tacit.ModelError as error:
        said = sentence(error, KEY)
        return "key: " + next((name for name, pattern in KEY_CHECKS.items() if re.search(pattern, said)), "the circuit")
    try:
        receipt = tacit.Receipt.from_bytes(attempt.receipt)
        assert receipt.to_bytes() == attempt.receipt, "a receipt has two encodings"
        tacit.verify(receipt, key, context=attempt.context)
    except tacit.InvalidReceipt as error:
        said = re.sub(r"\d+", "n", sentence(error, RECEIPT, VERIFY))
        return re.sub(r"^the public tensor \w+", "a public tensor", said)
    return ACCEPTED


def sentence(error: tacit.TacitError, *starts: str) -> str:
    """The reason, in a message that begins with one of `starts` and ends with a full stop."""
    text = str(error)
    start = next((start for start in starts if text.startswith(start)), None)
    assert start is not None and text.endswith("."), text
    return text[len(start) : -1]


@dataclass
class Tally:
    """Per kind of tamper: how often each answer; and what did nothing."""

    refused: dict[str, Counter[str]] = field(default_factory=lambda: {kind: Counter() for kind in KINDS})
    nothing: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0

    def text(self) -> str:
        lines = []
        for kind, checks in self.refused.items():
            lines.append(f"{kind}: {checks.total()} refused, {self.nothing[kind]} without effect")
            lines += [f"    {count:5} {check}" for check, count in checks.most_common()]
        total = sum(self.refused.values(), Counter())
        lines.append(f"all: {total.total()} refused, {self.nothing.total()} without effect, slowest {1e3 * self.slowest:.1f} ms")
        lines += [f"    {count:5} {check}" for check, count in total.most_common()]
        return "\n".join(lines)


def tampered(mode: str, number: int, tally: Tally) -> tuple[str, Attempt]:
    """The tamper of this number. One that leaves an honest attempt is counted and drawn again."""
    rng = np.random.default_rng([SEED, number])
    own = subjects(mode)[number % len(MODELS)]
    others = [other for other in subjects(mode) if other is not own]
    kind = list(KINDS)[number // len(MODELS) % len(KINDS)]
    valid = {attempt for each in subjects(mode) for attempt in each.attempts}
    while (attempt := KINDS[kind](rng, own, others)) in valid:
        tally.nothing[kind] += 1
    return kind, attempt


def refuse(mode: str, numbers: range) -> Tally:
    """Fails for the first tamper that is accepted, raises anything but an error of tacit, or takes long."""
    tally = Tally()
    for number in numbers:
        kind, attempt = tampered(mode, number, tally)
        where = f"TAMPERS_SEED={SEED}, {mode}, tamper {number}: {kind}, model {list(MODELS)[number % len(MODELS)]}"
        start = time.process_time()
        try:
            found = answer(attempt)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            pytest.fail(f"{where}: a crash, {type(error).__name__}: {error}")
        took = time.process_time() - start
        assert found != ACCEPTED, f"{where}: accepted"
        assert took < LONGEST, f"{where}: {took:.1f} s"
        tally.refused[kind][found] += 1
        tally.slowest = max(tally.slowest, took)
    print(f"\n{tally.text()}")
    return tally


# What the ten thousand must reach between them: kinds of tampers that always stop early would leave some out. The final
# polynomial's check is not among them: whoever changes that polynomial moves the queries, and a Merkle root fails first. The checks
# before the opening of a proof that hides are claims of its last equation.
COMMON = {
    "it was made for another circuit",
    "it was made with other weights",
    "it was made for another context",
    "it has n public tensors, the circuit has n",
    "a public tensor has the wrong size",
    "a public tensor has a value outside its interval",
    "the check of a Merkle root fails",
    "the check of the opening's last equation fails",
    "the proof ends inside opening: rows",
    "opening: rows is not in canonical form",
    "bytes follow the end of the proof",
    "key: the circuit",
}
TRANSPARENT = {
    "the check of the fraction tree's root fails",
    "the check of a level of the fraction tree fails",
    "the check of the contraction sumcheck fails",
}
HIDING = COMMON | {"the hide set is not in canonical form"}
TRAILING = {"bytes follow the end of the proof"}
"""What is left over once the opening was read: changes that leave an opening valid are rare, and rarer the more trees it has."""
CHECKS = {
    "transparent": COMMON | TRANSPARENT,
    "hiding": HIDING,
    "named": (HIDING - TRAILING) | {"the named commitments is not in canonical form"},
}
# Kinds that may leave an honest attempt, and how; such a tamper is counted apart and drawn again.
MAY_DO_NOTHING = {
    "several bits": "one bit flipped twice",
    "bytes overwritten": "the same bytes, zeros mostly",
    "bytes moved": "back to where they were, or among equal ones",
    "messages exchanged": "with itself or an equal one",
    "fields of another input": "both have the circuit, the weights, the context; or all fields were taken",
    "fields of another model": "both have the context",
    "messages of another input": "equal ones, or all, with all fields before the proof alike",
    "a message of another model": "equal ones, zeros mostly",
    "halves of two receipts": "cut where they still agree",
    "a word of the proof": "zero negated, doubled or set to zero",
    "constant messages": "zero already",
    "an input": "at the end of its interval already",
    "an output": "at the end of its interval already",
    "the list of tensors": "cut after the last byte",
    "counts and lengths": "at its extreme already",
    "bytes of the key": "bits flipped twice, the same bytes",
    "pieces of the key": "equal pieces; a key of the same circuit and weights",
}


def test_the_honest_are_accepted(mode):
    for own in subjects(mode):
        assert [answer(attempt) for attempt in own.attempts] == [ACCEPTED] * 3


def test_some_tampers_are_refused(mode):
    tally = refuse(mode, range(SOME))
    assert all(checks.total() == SOME // len(KINDS) for checks in tally.refused.values())


@pytest.mark.slow
def test_many_tampers_are_refused(mode):
    tally = refuse(mode, range(ALL))
    reached = set().union(*tally.refused.values())
    assert reached >= CHECKS[mode], CHECKS[mode] - reached
    assert set(tally.nothing) <= set(MAY_DO_NOTHING), set(tally.nothing)
