"""tacit verify RECEIPT.. --key KEY.. [--context TEXT] [--seed TEXT] [--opening NAME=FILE]"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from tacit.conversed import is_conversation, verify_conversation, verify_drawn
from tacit.errors import InputError
from tacit.generated import verify_generation
from tacit.key import Key
from tacit.links import verify_chain, verify_opening
from tacit.receipt import Receipt
from tacit.verify import verify


def run(arguments: argparse.Namespace) -> int:
    context = arguments.context.encode("utf-8", "surrogateescape")
    arguments.receipt, arguments.key = listed(arguments.receipt, ".receipt"), listed(arguments.key, ".key")
    if len(arguments.receipt) > 1:
        return chain(arguments, [Key.load(path) for path in arguments.key], context)
    if len(arguments.key) > 1:
        keys = [Key.load(path) for path in arguments.key]
        if is_conversation(keys):
            return conversation(arguments, keys, context)
        raise InputError("One receipt has one key: give --key once.")
    key = Key.load(arguments.key[0])
    receipt = Receipt.load(arguments.receipt[0])
    started = time.perf_counter()
    if arguments.seed is None:
        verify(receipt, key, context)
    else:
        drawn = verify_drawn if is_conversation([key]) else verify_generation
        drawn(receipt, key, seed=arguments.seed.encode("utf-8", "surrogateescape"), context=context)
    elapsed = time.perf_counter() - started
    print(f"valid: the committed model {key.model_commitment.hex()[:16]} computed these outputs ({1000 * elapsed:.1f} ms)")
    if arguments.seed is not None:
        print("  its tokens were drawn with the numbers of this seed")
    if receipt.hidden:
        print(f"  {', '.join(receipt.hidden)} (hidden), and everything inside the model")
    for name, commitment in receipt.commitments.items():
        print(f"  {name}: in a commitment of its own, {commitment}")
    for name, path in arguments.opening:
        values = verify_opening(path, receipt, key, name, context)
        print(f"  {name} {list(values.shape)}, as its owner reveals it: {_short(values.reshape(-1).tolist())}")
    for signature, value in zip(key.outputs, receipt.outputs):
        if value is not None:
            count = key.count_of(signature.name)
            padded = f" (padded with zeros: {count} says how much counts)" if count else ""
            print(f"  {signature.name} {list(value.shape)}{padded}: {_short(value.reshape(-1).tolist())}")
    return 0


def listed(paths: list[str], ending: str) -> list[str]:
    """Files as they are; in place of a folder, its 0.receipt, 1.receipt, .. or 0.key, 1.key, .. Raises InputError where one is
    missing."""
    found: list[str] = []
    for path in paths:
        if not Path(path).is_dir():
            found.append(path)
            continue
        numbers = {int(file.stem) for file in Path(path).glob(f"*{ending}") if file.stem.isdecimal()}
        for number in range(max(numbers, default=0) + 1):
            if number not in numbers:
                raise InputError(f"The folder {path} has no {number}{ending}.")
            found.append(str(Path(path) / f"{number}{ending}"))
    return found


def chain(arguments: argparse.Namespace, keys: list[Key], context: bytes) -> int:
    """Several receipts: whether each is valid and takes what those before it made; of a conversation also its text."""
    if is_conversation(keys):
        return conversation(arguments, keys, context)
    if arguments.seed is not None or arguments.opening:
        raise InputError("--seed and --opening are for a single receipt.")
    started = time.perf_counter()
    links = verify_chain(arguments.receipt, keys, context)
    elapsed = time.perf_counter() - started
    print(f"valid: a chain of {len(arguments.receipt)} receipts ({1000 * elapsed:.1f} ms)")
    for link in links:
        print(f"  {link.name} of receipt {link.receipt + 1} is {link.source_name} of receipt {link.source + 1}")
    return 0


def conversation(arguments: argparse.Namespace, keys: list[Key], context: bytes) -> int:
    """Receipts of a conversation's chunks: what the model wrote behind which prompt."""
    if arguments.opening:
        raise InputError("--opening is for a single receipt.")
    seed = None if arguments.seed is None else arguments.seed.encode("utf-8", "surrogateescape")
    started = time.perf_counter()
    shown = verify_conversation(arguments.receipt, keys, seed=seed, contexts=context)
    elapsed = time.perf_counter() - started
    print(
        f"valid: a conversation in {len(arguments.receipt)} chunks; the committed model {keys[0].model_commitment.hex()[:16]} "
        f"wrote all of 'generated' behind 'prompt' ({1000 * elapsed:.1f} ms)"
    )
    if seed is not None:
        print("  its tokens were drawn with the numbers of this seed")
    for name, tokens in (("prompt", shown.prompt), ("generated", shown.tokens)):
        print(f"  {name}: hidden" if tokens is None else f"  {name} [{len(tokens)}]: {_short(tokens)}")
    return 0


def _short(values: list, most: int = 12) -> str:
    shown = ", ".join(f"{v:.6g}" if isinstance(v, float) else str(v) for v in values[:most])
    return shown + (f", ... ({len(values)} values)" if len(values) > most else "")
