"""tacit verify RECEIPT --key KEY [--context TEXT] [--seed TEXT]"""

from __future__ import annotations

import argparse
import time

from tacit.generated import verify_generation
from tacit.key import Key
from tacit.receipt import Receipt
from tacit.verify import verify


def run(arguments: argparse.Namespace) -> int:
    key = Key.load(arguments.key)
    receipt = Receipt.load(arguments.receipt)
    started = time.perf_counter()
    context = arguments.context.encode("utf-8", "surrogateescape")
    if arguments.seed is None:
        verify(receipt, key, context)
    else:
        verify_generation(receipt, key, seed=arguments.seed.encode("utf-8", "surrogateescape"), context=context)
    elapsed = time.perf_counter() - started
    print(f"valid: the committed model {key.model_commitment.hex()[:16]} computed these outputs ({1000 * elapsed:.1f} ms)")
    if arguments.seed is not None:
        print("  its tokens were drawn with the numbers of this seed")
    if receipt.hidden:
        print(f"  {', '.join(receipt.hidden)} (hidden), and everything inside the model")
    for signature, value in zip(key.outputs, receipt.outputs):
        if value is not None:
            count = key.count_of(signature.name)
            padded = f" (padded with zeros: {count} says how much counts)" if count else ""
            print(f"  {signature.name} {list(value.shape)}{padded}: {_short(value.reshape(-1).tolist())}")
    return 0


def _short(values: list, most: int = 12) -> str:
    shown = ", ".join(f"{v:.6g}" if isinstance(v, float) else str(v) for v in values[:most])
    return shown + (f", ... ({len(values)} values)" if len(values) > most else "")
