"""Image files on the command line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from tacit.model import Model
from tacit.receipt import Receipt
from tacit.services.cli import main
from tacit.verify import verify


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A convolution over 3 x 6 x 6 images."""
    place = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(0)
    weight = rng.standard_normal((2, 3, 3, 3)).astype(np.float32) / 5
    graph = helper.make_graph(
        [helper.make_node("Conv", ["x", "w"], ["y"], kernel_shape=[3, 3])],
        "conv",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 6, 6])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 2, 4, 4])],
        [numpy_helper.from_array(weight, "w")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), place / "model.onnx")
    np.save(place / "samples.npy", rng.uniform(-2, 2, (8, 3, 6, 6)).astype(np.float32))
    Image.fromarray(rng.integers(0, 256, (6, 6, 3), dtype=np.uint8)).save(place / "a.png")
    Image.fromarray(rng.integers(0, 256, (7, 6, 3), dtype=np.uint8)).save(place / "tall.jpeg")
    return place


def compiled(folder: Path, *options: str) -> int:
    arguments = ["compile", folder / "model.onnx", "--samples", folder / "samples.npy", "-o", folder / "m.tacit", *options]
    return main([str(a) for a in arguments])


def proved(folder: Path, image: str) -> int:
    return main(["prove", str(folder / "m.tacit"), "--input", str(folder / image), "-o", str(folder / "r")])


def test_scaled_images_prove_and_verify(folder, capsys):
    assert compiled(folder, "--image", "255", "--image-mean", "0.5,0.4,0.3", "--image-deviation", "0.25") == 0
    assert Model.load(folder / "m.tacit").image.mean == (0.5, 0.4, 0.3)
    assert proved(folder, "a.png") == 0
    assert main(["verify", str(folder / "r"), "--key", str(folder / "m.key")]) == 0
    receipt = Model.load(folder / "m.tacit").prove(folder / "a.png", hide="weights")
    hidden = Receipt.load(folder / "r")
    verify(hidden, folder / "m.key")
    assert hidden.inputs == [None] and np.array_equal(receipt.outputs[0], hidden.outputs[0])
    pixels = np.asarray(Image.open(folder / "a.png")) / 255
    assert np.allclose(receipt.inputs[0][0], np.moveaxis((pixels - [0.5, 0.4, 0.3]) / 0.25, -1, 0), atol=1e-3)
    capsys.readouterr()
    assert main(["inspect", str(folder / "m.tacit")]) == 0
    assert "images   (pixel / 255 - [0.5, 0.4, 0.3]) / [0.25]" in capsys.readouterr().out
    assert proved(folder, "tall.jpeg") == 2
    assert "has 6x7 pixels, the model takes 6x6: resize it first" in capsys.readouterr().err


def test_without_a_scaling_images_are_refused(folder, capsys):
    assert compiled(folder) == 0
    assert proved(folder, "a.png") == 2
    assert "compiled without a scaling" in capsys.readouterr().err


@pytest.mark.parametrize(
    "options", [("--image", "0"), ("--image", "nan"), ("--image", "x"), ("--image-mean", "1"), ("--image-mean", "")]
)
def test_scalings_that_are_refused(folder, capsys, options):
    assert compiled(folder, *options) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
