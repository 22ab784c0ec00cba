"""tacit inspect FILE: what a model file, a key or a receipt says. tacit inspect --bits SIZE: the bits of any circuit of a size."""

from __future__ import annotations

import argparse
import math
import re
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from tacit import _core, encoded
from tacit.circuit import Parameters
from tacit.circuit.encode import decode
from tacit.errors import InputError, ModelError
from tacit.forecast import by_node
from tacit.key import Key
from tacit.receipt import Receipt
from tacit.sizes import sizes

if TYPE_CHECKING:
    from tacit.model import Model

PROVED = "the integer model whose weights have the commitment below computed the outputs from the inputs"
TRANSPARENT = (
    "hidden   nothing: a transparent proof. The weights are committed and not sent, but nothing is claimed about what a proof\n"
)
TRANSPARENT += "         leaks of them"
CANNOT = (
    "hidden   nothing: compiled without openings, so that all proofs are transparent and nothing is claimed about what they leak"
)
CAN = "hidden   what a receipt names (tacit prove --hide), and then everything inside; {openings:,} proofs can hide the weights"
LEARNT = "learnt   anyway: architecture, shapes, sizes, scales and exponents of every channel, widths of accumulators, tables"
ASSUMED = "assumed  Keccak-256 as a random oracle and collision resistant; WHIR in the proven Johnson regime; no trusted setup"
NOT_COVERED = "not      that the integer model equals the float model (tacit compile measures it); who made the model; when"

STAGES = ("lookup", "contract", "combine", "triples", "mask")
OPENINGS = (100, 1_000, 10_000)
OPENED = "yes: by a transparent proof, or more proofs than can hide, so nothing is claimed about the weights' secrecy"
UNOPENED = "no: no transparent proof was made from this file yet; the first one will be recorded here"
LOST = "used     unknown: the count of the proofs is not this file's (a copy?); tacit recommit gives it a commitment of its own"


def run(arguments: argparse.Namespace) -> int:
    if (arguments.file is None) == (arguments.bits is None):
        raise InputError("Give either a file or --bits leaves=N,cells=N.")
    if arguments.bits is not None:
        print(_size(arguments.bits))
        return 0
    path = Path(arguments.file)
    if not path.is_file():
        raise InputError(f"The file {path} does not exist.")
    with path.open("rb") as file:
        start = file.read(8)
    if start[:7] == b"tacit\0K":
        print(_key(Key.load(path)))
    elif start[:7] == b"tacit\0R":
        print(_receipt(Receipt.load(path)))
    elif zipfile.is_zipfile(path):
        print(_model(path))
    else:
        raise InputError(f"{path} is neither a model file nor a key nor a receipt of tacit.")
    return 0


def _statement(verb: str, *hidden: str) -> list[str]:
    """What is proved, hidden, assumed and left open; a receipt that nobody verified only claims it."""
    return [f"{verb:8} {PROVED}", *hidden, ASSUMED, NOT_COVERED]


def openings(key: Key) -> int:
    """How many proofs can hide the weights behind a key's commitment; 0 for a key of transparent proofs."""
    return decode(key.core.circuit()).parameters.openings


def _hiding(key: Key) -> list[str]:
    count = openings(key)
    return [CAN.format(openings=count), LEARNT] if count else [CANNOT]


def _hidden(receipt: Receipt) -> list[str]:
    if not receipt.hidden:
        return [TRANSPARENT]
    named = [f"         {name}: in a commitment of its own, {c.root.hex()}" for name, c in receipt.commitments.items()]
    return [f"hidden   {', '.join(receipt.hidden)}, and everything inside the model", *named, LEARNT]


def _commitments(circuit: bytes, weights: bytes, seal: bytes | None = None) -> list[str]:
    lines = [f"circuit  {circuit.hex()}", f"weights  {weights.hex()}"]
    return lines if seal is None else [*lines, f"seal     {seal.hex()}, of the weights: root and seal are one model's"]


def _key(key: Key) -> str:
    lines = [f"key, {len(key.to_bytes()):,} bytes", *_statement("proved", *_hiding(key))]
    lines += _commitments(key.circuit_digest, key.model_commitment, key.model_seal)
    for s in key.signatures:
        side = "output" if s.is_output else "input "
        count = key.count_of(s.name) if s.is_output else None
        padded = f"; padded with zeros, {count} says how much counts" if count else ""
        lines.append(
            f"{side}   {s.name} {s.dtype} {list(s.shape)}, integers * 2^{-s.exponent} in [{s.lowest}, {s.highest}]{padded}"
        )
    lines += _security(key)
    return "\n".join(lines)


def _security(key: Key) -> list[str]:
    counts = ", ".join(f"{name} {value:,}" for name, value in key.core.sizes())
    lines = [f"sizes    {counts}", *_opening(decode(key.core.circuit()).parameters), *_bits("security", *key.core.security())]
    hiding = key.core.hiding_security()
    if hiding is None:
        return lines
    # Terms of the opening are the same where its limbs are as many.
    plain = {name: f"{bits:.2f}" for name, bits in key.core.security()[0]}
    other = [(name, bits) for name, bits in hiding[0] if plain.get(name) != f"{bits:.2f}"]
    return [*lines, *_bits("hiding", *hiding, "terms that are others or more where everything is hidden:", other)]


def _opening(parameters: Parameters) -> list[str]:
    """The opening's parameters, oracle by oracle."""
    p = parameters
    rows = f"opening  limbs of 2^{p.log_rows} rows, {p.reserved:,} of the weights' reserved; salts of {p.salt} bytes; oracles:"
    folds = ["over limbs", *(f"{fold} variables" for fold in p.folds)]
    parts = enumerate(zip(folds, p.log_inverse_rates, p.queries, strict=True))
    return [rows, *(f"  {n}: {fold} folded, rate 1/{1 << rate}, {queries} queries" for n, (fold, rate, queries) in parts)]


def _bits(
    what: str,
    terms: Iterable[tuple[str, float]],
    composed: float,
    title: str = "every term in bits:",
    shown: Iterable[tuple[str, float]] | None = None,
) -> list[str]:
    """The composition, what each stage adds to it, every term, or those `shown`."""
    terms = list(terms)
    stages: dict[str, float] = {}
    for name, bits in terms:
        stage = re.split(r"[:, ]", name)[0]
        stage = stage if stage in STAGES else "open"
        stages[stage] = stages.get(stage, 0.0) + 2.0**-bits
    lines = [f"{what:8} {composed:.2f} bits in sum, grinding 0; of each stage:"]
    lines += [f"  {-math.log2(error):7.2f}  {stage}" for stage, error in stages.items()]
    lines.append(title)
    listed = sorted(terms if shown is None else shown, key=lambda term: term[1])
    return lines + [f"  {bits:7.2f}  {name}" for name, bits in listed]


def _size(text: str) -> str:
    """The bits of a circuit of 'leaves=2^28,cells=2^30': the parameters that compile would choose for the largest one."""
    parts = dict(part.partition("=")[::2] for part in text.split(","))
    if set(parts) != {"leaves", "cells"} or text.count(",") != 1:
        raise InputError(f"--bits {text!r} is not of the form leaves=N,cells=N.")
    leaves, cells = (_number(name, parts[name]) for name in ("leaves", "cells"))
    try:
        terms, composed = _core.security_of_size(leaves, cells)
    except _core.Malformed as error:
        raise InputError(f"--bits {text}: {error}.") from None
    return "\n".join([f"any circuit of {leaves:,} leaves and {cells:,} cells", *_bits("security", terms, composed)])


def _number(name: str, text: str) -> int:
    """'1000' or '2^28', below 2^64."""
    match = re.fullmatch(r"(?:(\d{1,20})|2\^(\d{1,2}))", text.strip(), re.ASCII)
    value = -1 if match is None else int(match[1]) if match[1] else 2 ** int(match[2])
    if not 0 <= value < 2**64:
        raise InputError(f"--bits: {name}={text} is not a whole number below 2^64, such as 1000 or 2^28.")
    return value


def _receipt(receipt: Receipt) -> str:
    return "\n".join(
        [
            f"receipt, {len(receipt.to_bytes()):,} bytes (unverified: run tacit verify)",
            *_statement("claims", *_hidden(receipt)),
            *_commitments(receipt.circuit_digest, receipt.model_commitment),
            f"context  {receipt.context!r}",
            _shown(receipt),
            "sizes    " + ", ".join(f"{name} {value:,}" for name, value in receipt.core.sizes()),
        ]
    )


def _shown(receipt: Receipt) -> str:
    """The tensors in clear; a receipt has no names, tensors count as in its key."""
    publics = receipt.core.publics()
    hidden = (receipt.core.hidden() or bytes(1 + len(publics)))[1:]
    names = ", ".join(f"tensor {place}" for place, flag in enumerate(hidden) if not flag)
    return f"shown    {names or 'no tensor'}: {sum(map(len, publics)):,} bytes in clear (tensors count from 0, as in the key)"


def _model(path: Path) -> str:
    from tacit.model import Model

    model = Model.load(path)
    lines = [f"model file, {path.stat().st_size:,} bytes (private: holds the weights)", model.report.text()]
    lines.append(f"opened   {OPENED if model.opened else UNOPENED}")
    if model.batch is not None:
        lines.append(f"batch    {model.batch:,} samples in one proof, each computed as it is alone")
    if model.openings:
        used = model.hidden_proofs()
        lines.append(f"used     {used:,} of {model.openings:,} proofs that hide the weights" if used is not None else LOST)
    if model.image is not None:
        scale = model.image
        lines.append(f"images   (pixel / {scale.divide:g} - {list(scale.mean)}) / {list(scale.deviation)}")
    lines += _openings(model)
    lines.append(_key(model.key))
    if model.report.noisiest:
        lines.append("error of a node's values on the first sample (rms), and of what it reads, where a node adds most:")
        lines += [f"  {100 * n.error:10.4g} % {100 * n.before:10.4g} %  {n.node}" for n in model.report.noisiest]
    return "\n".join([*lines, *_costs(model)])


def _openings(model: Model) -> list[str]:
    """What commitments that hide in so many proofs would take, next to one that never hides."""
    from tacit.arithmetize import finish, receipts_of

    receipts = receipts_of(model.circuit, model.openings)
    plain = sizes(decode(finish(model.circuit, 0, receipts)))
    lines = [f"cost     of openings, beside transparent proofs ({plain.cells:,} cells to encode, about {plain.receipt:,} bytes):"]
    for count in OPENINGS:
        try:
            found = sizes(decode(finish(model.circuit, count, receipts)))
        except ModelError:
            lines.append(f"         {count:6,}: not possible with this model")
            continue
        more = 100 * (found.cells / plain.cells - 1)
        lines.append(f"         {count:6,}: {more:,.0f} % more cells, receipts of about {found.receipt:,} bytes")
    return lines


def _costs(model: Model) -> list[str]:
    """What each node takes of a proof, those first that take most, and what belongs to no node alone."""
    spent = {node: (cells, lookups) for node, cells, lookups in model.report.nodes}
    seconds = by_node(decode(model.circuit), spent, encoded.beside(model.places.file, model.key))
    total = sum(seconds.values())
    lines = [f"cells and lookups of each node, and its share of the predicted time of a proof ({total:.2g} s of one core):"]
    for name in sorted(seconds, key=lambda n: -seconds[n]):
        cells, lookups = (f"{count:,}" for count in spent[name]) if name in spent else ("", "")
        if seconds[name]:
            lines.append(f"  {cells:>12} {lookups:>12} {100 * seconds[name] / total:6.1f} %  {name}")
    return lines
