"""tacit prove MODEL.tacit --input FILE -o OUT.receipt [--hide NAMES|none] [--context TEXT]"""

from __future__ import annotations

import argparse
import os
import time

from tacit import storage
from tacit.errors import InputError
from tacit.model import Model
from tacit.report import saturation_text


def run(arguments: argparse.Namespace) -> int:
    output = arguments.output
    hide = hidden(arguments.hide)
    if str(storage.require_target(output)) in map(os.path.realpath, (arguments.model, arguments.input)):
        raise InputError(f"{output} would overwrite what is read; name another output.")
    model = Model.load(arguments.model)
    model.prepare()
    started = time.perf_counter()
    receipt = model.prove(arguments.input, hide=hide, context=arguments.context.encode("utf-8", "surrogateescape"))
    elapsed = time.perf_counter() - started
    receipt.save(output)
    concealed = ", ".join(receipt.hidden) or "nothing"
    if receipt.hidden and not model.opened:
        concealed += f" (proof {model.hidden_proofs():,} of {model.openings:,} that can hide the weights)"
    print(f"wrote {output}: {len(receipt.to_bytes()):,} bytes, proved in {elapsed:.3f} s; hidden: {concealed}")
    if model.saturated:
        print(f"saturated (not in the receipt): {saturation_text(tuple(model.saturated.items()))}")
    return 0


def hidden(option: str | None) -> list[str] | None:
    """What --hide says, as `prove` takes it."""
    return None if option is None else [] if option == "none" else option.split(",")
