"""program, weights, prover, inputs -> receipt, and what saturated."""

from __future__ import annotations

import time
from collections.abc import Mapping

import numpy as np

from tacit import _core, arrays, machine, progress
from tacit.errors import InputError, ModelError
from tacit.execute import Executions, claims_missed
from tacit.key import Key
from tacit.links import find
from tacit.primitives.program import Program
from tacit.receipt import Receipt
from tacit.verify import context_bytes

NONE: Mapping[str, bytes] = {}


def prove(
    program: Program,
    weights: Mapping[str, np.ndarray],
    prover: _core.Prover,
    key: Key,
    integers: Mapping[str, np.ndarray],
    context: bytes | str,
    hide: bytes | None = None,
    named: Mapping[str, bytes] = NONE,
    executions: Executions | None = None,
) -> tuple[Receipt, bytes, dict[str, int], dict[str, float]]:
    """Computes every column for one input and proves it. `integers`: {input name: int64 array of the declared shape}. Also, for
    the prover alone: how many values left their range, by step of the program, and the seconds of each stage. `hide`: one byte for
    the weights and one per binding; None for a transparent proof. `named`: the secrets of hidden tensors that get commitments of
    their own. `executions`: what earlier proofs of the program left for the next. Returns the receipt, the public buffer (hidden
    tensors included), what saturated, and the stages."""
    started = time.perf_counter()
    with arrays.kept(), (executions or Executions()).executed(program, weights, integers) as builder:
        for name, missed in claims_missed(program, builder).items():
            if missed.any():
                raise InputError(f"What is given as {name!r} is not what the model chooses: use model.generate.")
        witness, public, saturated = _core.Witness(builder.witness_columns()), builder.public(), builder.saturated
    del builder
    stages = {"execute": time.perf_counter() - started}
    machine.trim()
    bound = context_bytes(context)
    secrets = sorted((find(key.signatures, name)[0], seed) for name, seed in named.items())
    try:
        data, ended = progress.run(
            "proving", lambda p: (prover.prove(public, witness, bound, p, hide, secrets), p.stages())
        )
    except _core.Unsatisfied as error:
        raise RuntimeError(f"the executor's witness does not satisfy the circuit: {error}") from None
    except _core.Malformed as error:
        raise ModelError(f"The model file is damaged ({error}): run tacit compile again.") from None
    machine.trim()
    return Receipt(_core.Receipt(data), key.signatures), public, saturated, {**stages, **dict(ended)}
