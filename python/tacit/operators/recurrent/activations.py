"""The activations that recurrent nodes name, and their parameters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tacit.errors import UnsupportedOperator
from tacit.graph import Node
from tacit.passes.expansion import Expansion

REQUIRED = float("nan")
PARAMETERS: dict[str, tuple[float | None, float | None]] = {
    "relu": (None, None),
    "tanh": (None, None),
    "sigmoid": (None, None),
    "softsign": (None, None),
    "softplus": (None, None),
    "leakyrelu": (0.01, None),
    "thresholdedrelu": (REQUIRED, None),
    "elu": (1.0, None),
    "affine": (REQUIRED, REQUIRED),
    "scaledtanh": (REQUIRED, REQUIRED),
    "hardsigmoid": (0.2, 0.5),
}
"""Function -> default alpha and beta, None where it has none, REQUIRED where ONNX and onnxruntime disagree on the default;
the names of ONNX in small letters, as onnxruntime reads them."""
OPERATORS = {
    "relu": "Relu",
    "tanh": "Tanh",
    "sigmoid": "Sigmoid",
    "softsign": "Softsign",
    "softplus": "Softplus",
    "leakyrelu": "LeakyRelu",
    "thresholdedrelu": "ThresholdedRelu",
    "elu": "Elu",
    "hardsigmoid": "HardSigmoid",
}


@dataclass(frozen=True)
class Activation:
    """One of the functions, with what it takes of alpha and beta; its argument is clipped to [-clip, clip] first."""

    name: str
    alpha: float | None
    beta: float | None
    clip: float | None = None

    def apply(self, e: Expansion, x: str) -> str:
        """The node's value; x has the dtype of the result."""
        dtype = e.dtype(x)
        if self.clip is not None:
            x = e.op("Clip", x, e.constant(-self.clip, dtype), e.constant(self.clip, dtype))
        if self.name == "affine":
            return e.op("Add", e.op("Mul", x, e.constant(self.alpha, dtype)), e.constant(self.beta, dtype))
        if self.name == "scaledtanh":
            inner = e.op("Tanh", e.op("Mul", x, e.constant(self.beta, dtype)))
            return e.op("Mul", inner, e.constant(self.alpha, dtype))
        given: dict[str, Any] = {"alpha": self.alpha, "beta": self.beta}
        return e.op(OPERATORS[self.name], x, **{key: value for key, value in given.items() if value is not None})


def read(node: Node, defaults: Sequence[str], directions: int) -> list[list[Activation]]:
    """The activations of each direction.

    `activation_alpha` and `activation_beta` hold, in the order of the activations, one number for each function that
    takes it (as onnxruntime reads them); functions beyond their end have the defaults. Raises UnsupportedOperator for a
    function that ONNX does not list, and for one that lacks its numbers.
    """
    names = [str(name) for name in node.attributes.get("activations", ())] or list(defaults) * directions
    if len(names) != len(defaults) * directions:
        raise UnsupportedOperator(
            f"Node {node} names {len(names)} activations where it needs {len(defaults) * directions}; name one for each gate."
        )
    alphas = iter(node.attributes.get("activation_alpha", ()))
    betas = iter(node.attributes.get("activation_beta", ()))
    clip = float(node.attributes["clip"]) if node.attributes.get("clip", 0.0) else None
    found: list[Activation] = []
    for name in names:
        if name.lower() not in PARAMETERS:
            raise UnsupportedOperator(f"Node {node} has the activation {name!r}, which ONNX does not list; use one that it does.")
        alpha, beta = PARAMETERS[name.lower()]
        found.append(Activation(name.lower(), following(alphas, alpha), following(betas, beta), clip))
        if any(number is not None and np.isnan(number) for number in (found[-1].alpha, found[-1].beta)):
            raise UnsupportedOperator(f"Node {node} has the activation {name!r} without its numbers; write them as attributes.")
    return [found[i : i + len(defaults)] for i in range(0, len(found), len(defaults))]


def following(numbers: Iterator[float], default: float | None) -> float | None:
    """The next number of a list that a function reads, None for a function that reads none."""
    return None if default is None else float(np.float32(next(numbers, default)))
