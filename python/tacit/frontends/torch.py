"""torch modules and exported programs -> ONNX, by torch's own exporter. torch is imported by whoever brings such a model."""

from __future__ import annotations

import contextlib
import logging
import sys
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import onnx

from tacit.errors import InputError, ModelError

EXTRA = "pip install 'tacit-zkml[torch]'"


def is_torch(model: Any) -> bool:
    """Whether a model is a torch.nn.Module or a torch.export.ExportedProgram."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(model, (torch.nn.Module, torch.export.ExportedProgram))


def arrays(samples: Any) -> Any:
    """Samples with NumPy arrays in place of tensors."""
    if isinstance(samples, Mapping):
        return {name: arrays(each) for name, each in samples.items()}
    return samples.detach().cpu().numpy() if hasattr(samples, "detach") else samples


def exported(model: Any, samples: Any, shapes: Mapping[str, Any] | None) -> onnx.ModelProto:
    """The ONNX model of a module in evaluation mode, or of an exported program.

    `samples`: one array for a module whose `forward` takes one, or {parameter of `forward`: array}; a module is traced
    with the first along the first axis, as an axis of length 1, or with an array of the shape that `shapes` gives its
    input. Dimensions that an exported program leaves open stay open. Raises ModelError when torch cannot export it.
    """
    import torch

    try:
        with quiet():
            if isinstance(model, torch.export.ExportedProgram):
                program = torch.onnx.export(model, dynamo=True, verbose=False)
            else:
                positional, named = _examples(model, samples, shapes or {})
                with evaluating(model), torch.no_grad():
                    program = torch.onnx.export(model, positional, kwargs=named, dynamo=True, verbose=False)
        proto: onnx.ModelProto = program.model_proto
    except InputError:
        raise
    except ImportError as error:
        raise ModelError(f"torch's exporter lacks the package {error.name}: {EXTRA}.") from None
    except Exception as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".:")
        raise ModelError(
            f"torch cannot export {type(model).__name__} to ONNX ({reason}); change the module, or export it by another way and "
            "give the file."
        ) from None
    return proto


def _examples(module: Any, samples: Any, shapes: Mapping[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Arguments of `forward` to trace with: positional for a single array, else by name."""
    import torch

    floats = next((p.dtype for p in module.parameters() if p.is_floating_point()), torch.float32)

    def example(name: str, given: Any) -> Any:
        array = np.asarray(given)
        if array.ndim == 0 or not array.size or array.dtype.kind not in "fiub":
            raise InputError(f"Samples of {name or 'the input'!r} are no array of numbers with an axis that counts them.")
        wanted = shapes.get(name)
        if wanted is not None and array.shape[1:] == tuple(wanted):
            one = array[0]
        else:
            one = array if wanted is not None and array.shape == tuple(wanted) else array[:1]
        tensor = torch.from_numpy(np.ascontiguousarray(one))
        return tensor.to(floats) if tensor.is_floating_point() else tensor

    if isinstance(samples, Mapping):
        return (), {name: example(name, each) for name, each in samples.items()}
    return (example(next(iter(shapes), ""), samples),), {}


@contextlib.contextmanager
def evaluating(module: Any) -> Iterator[None]:
    """Every part of a module in evaluation mode, and afterwards in the mode that it had."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, mode in modes:
            part.training = mode


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without the exporter's warnings: what matters of them comes as an exception."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
