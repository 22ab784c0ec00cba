"""tacit generate MODEL.tacit --prompt TEXT -o OUT.receipt [--seed TEXT] [--hide NAMES|none] [--context TEXT]"""

from __future__ import annotations

import argparse
import os
import time

from tacit import storage
from tacit.errors import InputError
from tacit.model import Model
from tacit.services.cli.prove import hidden


def run(arguments: argparse.Namespace) -> int:
    if (arguments.prompt is None) == (arguments.tokens is None):
        raise InputError("Give a prompt: --prompt TEXT, or --tokens N,N,...")
    if str(storage.require_target(arguments.output)) == os.path.realpath(arguments.model):
        raise InputError(f"{arguments.output} would overwrite the model file; name another output.")
    model = Model.load(arguments.model)
    model.prepare()
    started = time.perf_counter()
    written = model.generate(
        arguments.tokens if arguments.prompt is None else arguments.prompt,
        seed=None if arguments.seed is None else arguments.seed.encode("utf-8", "surrogateescape"),
        hide=hidden(arguments.hide),
        context=arguments.context.encode("utf-8", "surrogateescape"),
    )
    elapsed = time.perf_counter() - started
    written.receipt.save(arguments.output)
    print(" ".join(map(str, written.tokens)) if written.text is None else written.text)
    size = len(written.receipt.to_bytes())
    concealed = ", ".join(written.receipt.hidden) or "nothing"
    print(f"wrote {arguments.output}: {size:,} bytes, written and proved in {elapsed:.3f} s; hidden: {concealed}")
    return 0
