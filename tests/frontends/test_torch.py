"""torch modules and exported programs, where torch is installed: what is proved is near what torch computes."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

import tacit
from tacit.frontends import torch as frontend

REASON = "torch or onnxscript is not installed (pip install 'tacit-zkml[torch]')"
INSTALLED = all(importlib.util.find_spec(name) for name in ("torch", "onnxscript"))
needs_torch = pytest.mark.skipif(not INSTALLED, reason=REASON)
if INSTALLED:
    import torch
    from torch import nn


def test_other_models_are_not_torch_s():
    for model in ("model.onnx", b"", None, 3):
        assert not frontend.is_torch(model)


def close(compiled, sample, expected, tolerance: float = 0.01) -> None:
    receipt = compiled.prove(sample)
    tacit.verify(receipt, compiled.key)
    expected = expected.detach().numpy()
    assert np.abs(receipt.outputs[0] - expected).max() <= tolerance * np.abs(expected).max()


def noise(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@needs_torch
def test_a_module_with_one_input():
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Dropout(0.5), nn.Linear(36, 5)
    )
    module.train()
    samples = noise(1, 16, 1, 8, 8)
    compiled = tacit.compile(module, samples)
    assert module.training and module[1].training, "the module keeps its mode"
    assert compiled.declared[0].shape == (1, 1, 8, 8) and compiled.report.samples == 16
    close(compiled, samples[0], module.eval()(torch.from_numpy(samples[:1])))
    same = tacit.compile(module, torch.from_numpy(samples.astype(np.float64)).requires_grad_())
    assert same.key == compiled.key, "tensors and wider floats mean the same samples"


class Mixed(nn.Module if INSTALLED else object):
    """Embedding, attention and a mask: three inputs by name, a tuple of outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(11, 8)
        self.attend = nn.MultiheadAttention(8, 2, batch_first=True)
        self.last = nn.Linear(8, 3)

    def forward(self, ids, extra, keep):
        hidden = self.embed(ids) + extra
        mixed, _ = self.attend(hidden, hidden, hidden, need_weights=False)
        return self.last(torch.tanh(mixed) * keep[..., None]), hidden


@needs_torch
def test_a_module_with_several_inputs(tmp_path):
    torch.manual_seed(1)
    module = Mixed().eval()
    generator = np.random.default_rng(2)
    keep = (generator.random((12, 6)) < 0.8).astype(np.float32)
    samples = {"keep": keep, "ids": generator.integers(0, 11, (12, 6)), "extra": noise(3, 12, 6, 8)}
    np.savez(tmp_path / "samples.npz", **samples)
    compiled = tacit.compile(module, tmp_path / "samples.npz")
    assert {entry.name for entry in compiled.declared} == {"ids", "extra", "keep"} and len(compiled.key.outputs) == 2
    sample = {name: array[:1] for name, array in samples.items()}
    close(compiled, sample, module(**{name: torch.from_numpy(array) for name, array in sample.items()})[0])


class Repeating(nn.Module if INSTALLED else object):
    """A branch that the input decides, and a loop that it ends."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.eye(4) * 1.5)

    def forward(self, x):
        y = torch.cond(x.sum() > 0, lambda v: v @ self.weight, lambda v: v - 1, (x,))

        def grow(count, v):
            return count + 1, v * 1.25

        _, y = torch.while_loop(lambda count, v: (count < 6) & (v.abs().sum() < 9), grow, (torch.tensor(0), y))
        return y


@needs_torch
def test_branches_and_loops_of_a_module():
    module = Repeating().eval()
    samples = noise(4, 20, 4)
    compiled = tacit.compile(module, samples, trips=6)
    for row in (samples[:1], samples[3:4], samples[7:8]):
        close(compiled, row, module(torch.from_numpy(row)))


@needs_torch
def test_an_exported_program_keeps_its_open_dimensions():
    torch.manual_seed(2)
    module = nn.Sequential(nn.Linear(4, 6), nn.GELU(), nn.Linear(6, 2)).eval()
    tokens = torch.export.Dim("tokens", min=2, max=64)
    program = torch.export.export(module, (torch.zeros(1, 3, 4),), dynamic_shapes=({1: tokens},))
    samples = noise(5, 8, 7, 4)
    compiled = tacit.compile(program, samples)
    assert compiled.declared[0].shape == (1, 7, 4)
    assert tacit.compile(program, samples, shapes={"input": (1, 7, 4)}).key == compiled.key
    close(compiled, samples[0], module(torch.from_numpy(samples[:1])))


@needs_torch
def test_shapes_of_a_module_fix_what_it_is_traced_with():
    module = nn.Linear(4, 2)
    samples = noise(6, 5, 3, 4)
    assert tacit.compile(module, samples, shapes={"input": (3, 4)}).declared[0].shape == (3, 4)
    assert tacit.compile(module, samples[0], shapes={"input": (3, 4)}).declared[0].shape == (3, 4)
    assert tacit.compile(module, samples[0]).declared[0].shape == (1, 4)


@needs_torch
def test_what_torch_cannot_export_is_said():
    class Deciding(nn.Module):
        def forward(self, x):
            return x * float(x.sum().item() > 0) if x.sum().item() > 0 else x

    with pytest.raises(tacit.ModelError, match="torch cannot export Deciding to ONNX"):
        tacit.compile(Deciding(), noise(7, 4, 3))
    with pytest.raises(tacit.InputError, match="no array of numbers with an axis that counts them"):
        tacit.compile(nn.Linear(4, 2), np.float32(3))
