"""Image files: pixels exactly, scaling as compiled, nothing resized and no colour dropped."""

from __future__ import annotations

import re
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

import tacit
from tacit import images
from tacit.errors import InputError
from tacit.images import ImageScale, require_fit

GREY = np.arange(20, dtype=np.uint8).reshape(4, 5) * 12
COLOUR = np.random.default_rng(0).integers(0, 256, (4, 5, 3), dtype=np.uint8)
SCALE = ImageScale(255.0)


def refused(says: str):
    return pytest.raises(InputError, match=re.escape(says))


def save(path: Path, pixels: np.ndarray, **more) -> Path:
    Image.fromarray(pixels).save(path, **more)
    return path


def read(path: Path, shape: tuple[int, ...], dtype: str = "float32", scale: ImageScale | None = SCALE) -> np.ndarray:
    return images.read(path, "x", shape, dtype, scale)


@pytest.mark.parametrize(
    ("pixels", "shape"),
    [
        (GREY, (1, 1, 4, 5)),
        (GREY, (1, 4, 5)),
        (GREY, (1, 4, 5, 1)),
        (COLOUR, (1, 3, 4, 5)),
        (COLOUR, (4, 5, 3)),
        (COLOUR, (0, 3, 4, 5)),
    ],
)
def test_pixels_arrive_in_the_models_layout(tmp_path, pixels, shape):
    path = save(tmp_path / "p.png", pixels)
    channels = np.atleast_3d(pixels)
    last = shape[-1] in (1, 3)
    expected = channels if last else np.moveaxis(channels, -1, 0)
    expected = expected[np.newaxis] if len(shape) == 4 else expected
    found = read(path, shape)
    assert found.dtype == np.float32 and np.allclose(found, expected / 255.0)
    whole = read(path, shape, "uint8", None)
    assert whole.dtype == np.uint8 and np.array_equal(whole, expected)


def test_mean_and_deviation_of_each_channel(tmp_path):
    path = save(tmp_path / "p.png", COLOUR)
    scale = ImageScale(255, (0.5, 0.4, 0.3), [0.2, 0.3, 0.4])
    expected = (COLOUR / 255 - [0.5, 0.4, 0.3]) / [0.2, 0.3, 0.4]
    assert np.allclose(read(path, (1, 3, 4, 5), scale=scale)[0], np.moveaxis(expected, -1, 0), atol=1e-6)
    assert ImageScale.from_json(scale.to_json()) == scale
    with refused("one number a channel"):
        read(save(tmp_path / "g.png", GREY), (1, 1, 4, 5), scale=scale)


def test_jpeg(tmp_path):
    path = save(tmp_path / "p.JPG", np.full((8, 8), 128, np.uint8), quality=100)
    assert np.allclose(read(path, (1, 1, 8, 8)), 128 / 255, atol=0.01)


def test_colours_are_converted_only_without_loss(tmp_path):
    same = np.repeat(GREY[..., np.newaxis], 3, axis=-1)
    assert np.array_equal(read(save(tmp_path / "same.png", same), (1, 1, 4, 5), "uint8", None)[0, 0], GREY)
    assert np.array_equal(read(save(tmp_path / "grey.png", GREY), (4, 5, 3), "uint8", None), same)
    opaque = np.dstack([COLOUR, np.full((4, 5), 255, np.uint8)])
    assert np.array_equal(read(save(tmp_path / "opaque.png", opaque), (4, 5, 3), "uint8", None), COLOUR)
    with refused("has colours"):
        read(save(tmp_path / "colour.png", COLOUR), (1, 1, 4, 5))
    with refused("transparent"):
        read(save(tmp_path / "clear.png", np.dstack([COLOUR, np.full((4, 5), 254, np.uint8)])), (1, 3, 4, 5))
    with refused("8-bit"):
        read(save(tmp_path / "deep.png", GREY.astype(np.uint16) * 256), (1, 1, 4, 5))


def test_another_size_is_refused(tmp_path):
    path = save(tmp_path / "p.png", GREY)
    with refused("has 5x4 pixels, the model takes 4x5: resize it first"):
        read(path, (1, 1, 5, 4))
    with refused("the model takes 8x8"):
        read(path, (1, 1, 8, 8))
    assert read(path, (1, 1, 0, 0)).shape == (1, 1, 4, 5)


@pytest.mark.parametrize("shape", [(1, 20), (20,), (), (1, 1, 1, 4, 5), (2, 1, 4, 5), (1, 2, 4, 5), (1, 0, 4, 5)])
def test_models_that_take_no_image(tmp_path, shape):
    with refused("does not take an image"):
        read(save(tmp_path / "p.png", GREY), shape)


@pytest.mark.parametrize("content", [b"", b"junk", b"\x89PNG\r\n\x1a\n", None])
def test_files_that_are_no_images(tmp_path, content):
    path = save(tmp_path / "p.png", GREY)
    path.write_bytes(path.read_bytes()[:45] if content is None else content)
    with refused("is not a readable image"):
        read(path, (1, 1, 4, 5))


def test_enormous_images_are_refused_before_they_are_decoded(tmp_path, recwarn):
    data = save(tmp_path / "p.png", GREY).read_bytes()
    for side in (10_000, 100_000):
        head = b"IHDR" + struct.pack(">II", side, side) + data[24:29]
        (tmp_path / "p.png").write_bytes(data[:12] + head + struct.pack(">I", zlib.crc32(head)) + data[33:])
        with refused("image"):
            read(tmp_path / "p.png", (1, 1, 4, 5))
    assert not recwarn.list


@pytest.mark.parametrize(
    "numbers", [{"divide": 0}, {"divide": np.nan}, {"deviation": (1, 0, 1)}, {"mean": (np.inf,)}, {"mean": "a"}]
)
def test_scalings_that_are_refused(numbers):
    with pytest.raises(InputError, match="scaling of images"):
        ImageScale(**numbers)


@pytest.mark.parametrize("image", [True, "255", [255]])
def test_arguments_that_are_no_scaling(image):
    with refused("is not a scaling"):
        tacit.compile(image_model(), samples=np.zeros((4, 1, 4, 5), np.float32), image=image)


def image_model(dtype: int = TensorProto.FLOAT, shape: tuple[int | str, ...] = ("N", 1, 4, 5)):
    """Flatten (and Cast), then one dense layer."""
    weight = np.random.default_rng(0).standard_normal((3, int(np.prod(shape[1:])))).astype(np.float32) / 4
    cast = [helper.make_node("Cast", ["x"], ["c"], to=TensorProto.FLOAT)] if dtype != TensorProto.FLOAT else []
    nodes = [
        *cast,
        helper.make_node("Flatten", ["c" if cast else "x"], ["f"]),
        helper.make_node("Gemm", ["f", "w"], ["y"], transB=1),
    ]
    graph = helper.make_graph(
        nodes,
        "image",
        [helper.make_tensor_value_info("x", dtype, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [shape[0], 3])],
        [numpy_helper.from_array(weight, "w")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def test_the_scaling_is_part_of_the_model_file(tmp_path):
    samples = np.random.default_rng(0).random((8, 1, 4, 5), dtype=np.float32)
    compiled = tacit.compile(image_model(), samples=samples, image=tacit.ImageScale(255, 0.25, 2))
    compiled.save(tmp_path / "m.tacit")
    loaded = tacit.Model.load(tmp_path / "m.tacit")
    assert loaded.image == ImageScale(255.0, (0.25,), (2.0,))
    receipt = loaded.prove(save(tmp_path / "p.png", GREY), hide="weights")
    tacit.verify(receipt, compiled.key)
    assert np.allclose(receipt.inputs[0][0, 0], (GREY / 255 - 0.25) / 2, atol=1e-3)
    with refused("has colours"):
        loaded.prove(save(tmp_path / "c.png", COLOUR))


def test_without_a_scaling_a_float_model_refuses_images(tmp_path):
    compiled = tacit.compile(image_model(), samples=np.random.default_rng(0).random((8, 1, 4, 5), dtype=np.float32))
    with refused("compiled without a scaling"):
        compiled.prove(save(tmp_path / "p.png", GREY))


def test_a_model_of_bytes_takes_pixels_as_they_are(tmp_path):
    samples = np.random.default_rng(0).integers(0, 256, (8, 1, 4, 5), dtype=np.uint8)
    with refused("takes uint8 pixels as they are"):
        tacit.compile(image_model(TensorProto.UINT8), samples=samples, image=255)
    compiled = tacit.compile(image_model(TensorProto.UINT8), samples=samples)
    receipt = compiled.prove(save(tmp_path / "p.png", GREY), hide="weights")
    tacit.verify(receipt, compiled.key)
    assert receipt.inputs[0].dtype == np.uint8 and np.array_equal(receipt.inputs[0][0, 0], GREY)


def test_pixels_of_a_short_float_are_scaled():
    scale = ImageScale(divide=255.0)
    require_fit("x", (1, 3, 4, 4), "bfloat16", scale)
    with pytest.raises(InputError, match="takes uint4 pixels as they are"):
        require_fit("x", (1, 3, 4, 4), "uint4", scale)


def test_a_model_that_takes_no_image_refuses_a_scaling():
    flat = image_model(shape=("N", 20))
    with refused("does not take an image"):
        tacit.compile(flat, samples=np.zeros((4, 20), np.float32), image=255)
