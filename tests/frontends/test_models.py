"""The models that the repository brings: the benchmark's builders and the digits example."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from tacit.frontends.onnx import load
from tacit.observe import observe, run_float
from tacit.passes import simplify

ROOT = Path(__file__).resolve().parents[2]


def of_bench(name):
    specification = importlib.util.spec_from_file_location(f"bench_{name}", ROOT / "bench" / f"{name}.py")
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[f"bench_{name}"] = module
    specification.loader.exec_module(module)
    return module


models, language = of_bench("models"), of_bench("language")

PARAMETERS = {"mlp": 109_386, "mlp4x512": 1_195_018, "lenet5": 61_706, "cifar_cnn": 591_274, "layers(3)": 12_480,
              "dense(24)": 2_400, "cnn(8)": 2_426}


@pytest.mark.parametrize("name", PARAMETERS)
def test_benchmark_models(name):
    graph = simplify(load(models.build(name)))
    assert sum(array.size for array in graph.constants.values()) == PARAMETERS[name]
    assert graph.values["input"].shape == models.input_shape(name)
    assert models.build(name).SerializeToString() == models.build(name).SerializeToString()
    rows = models.samples(name, 3)
    assert rows.dtype == np.float32 and rows.shape == (3, *models.input_shape(name)[1:])
    ranges = observe(graph, [{"input": row[None]} for row in rows])
    assert 1e-2 < ranges["output"].absolute < 1e2, "weights of a realistic scale keep values of a realistic scale"


def test_vgg16_has_its_size():
    graph = load(models.build("vgg16"))
    assert sum(array.size for array in graph.constants.values()) == 15_245_130
    assert sum(node.operator == "Conv" for node in graph.nodes) == 13


def test_resnet50_has_its_size():
    graph = load(models.build("resnet50"))
    assert sum(array.size for array in graph.constants.values()) == 25_530_472  # torchvision's, less the scales of norms
    assert sum(node.operator == "Conv" for node in graph.nodes) == 53
    shapes = [graph.values[node.outputs[0]].shape for node in graph.nodes if node.operator == "Add"]
    assert shapes == [(1, 256, 56, 56)] * 3 + [(1, 512, 28, 28)] * 4 + [(1, 1024, 14, 14)] * 6 + [(1, 2048, 7, 7)] * 3
    assert graph.values["output"].shape == (1, 1000)


def test_the_shape_of_gpt2():
    assert sum(int(np.prod(shape)) for shape in language.tensor_shapes().values()) == 124_439_808
    given = language.prompts(16)
    assert given["input_ids"].shape == (2, 16) and given["input_ids"].min() >= 0 and given["input_ids"].max() < language.VOCABULARY
    assert (given["position"] == 15).all()
    generator = np.random.default_rng(0)
    for name, center, deviation in (("ln_1", 1, 0.02), ("mlp.c_fc", 0, 0.02), ("mlp.c_proj", 0, 0.00408)):
        found = language.values(f"h.0.{name}.weight", (500, 20), generator).astype(np.float64)
        assert abs(found.mean() - center) < 1e-3 and abs(found.std() / deviation - 1) < 0.1


def test_unknown_benchmark_models():
    for name in ("lenet", "layers()", "cnn()", "layers(x)", ""):
        with pytest.raises(KeyError):
            models.build(name)


def test_the_digits_model_is_the_one_that_was_measured():
    folder = ROOT / "examples" / "digits"
    data = (folder / "digits.onnx").read_bytes()
    digest, name = (folder / "digits.onnx.sha256").read_text().split()
    assert name == "digits.onnx" and hashlib.sha256(data).hexdigest() == digest
    held_out = np.load(folder / "heldout.npz", allow_pickle=False)
    images, labels = held_out["images"], held_out["labels"]
    assert images.shape == (360, 8, 8) and images.dtype == np.uint8 and images.max() == 16 and labels.shape == (360,)
    graph = simplify(load(data))
    inputs = images.reshape(-1, 1, 1, 8, 8).astype(np.float32) / 16
    right = [int(run_float(graph, {"image": x})["logits"].argmax()) == label for x, label in zip(inputs, labels)]
    assert np.mean(right) >= 0.97
