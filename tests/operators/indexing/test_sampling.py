"""GridSample, RoiAlign and the like: ONNX's node cases and onnxruntime, with constant and with computed places."""

import node_cases
import numpy as np
import pytest
from onnx import helper
from oracle import compare, random

from tacit.errors import UnsupportedOperator

GRID = node_cases.of("GridSample", "gridsample")


@pytest.mark.parametrize("case", GRID, ids=lambda case: case.name)
@pytest.mark.parametrize("constant", [(), (1,)], ids=["computed", "constant"])
def test_grid_sample_case(case, constant):
    node_cases.check(case, constant=constant)


@pytest.mark.parametrize("computed", [False, True])
@pytest.mark.parametrize("corners", [0, 1])
@pytest.mark.parametrize("padding", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("mode", ["nearest", "linear", "cubic"])
def test_places_far_outside(mode, padding, corners, computed):
    """Two images, grids on 64ths (no nearest place is a matter of rounding) that leave them by several lengths."""
    generator = np.random.default_rng(corners)
    grid = generator.integers(-300, 300, (2, 3, 4, 2)).astype(np.float32) / 64 + np.float32(1 / 512)
    made = helper.make_node("GridSample", ["x", "g"], ["y"], mode=mode, padding_mode=padding, align_corners=corners)
    x = random(1, 2, 3, 4, 5)
    feeds, constants = ({"x": x, "g": grid}, {}) if computed else ({"x": x}, {"g": grid})
    compare([made], feeds, ["y"], constants, opset=20)


@pytest.mark.parametrize("padding", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("mode", ["nearest", "linear"])
def test_an_image_of_one_row(mode, padding):
    grid = np.random.default_rng(0).uniform(-2, 2, (1, 2, 3, 2)).astype(np.float32)
    made = helper.make_node("GridSample", ["x", "g"], ["y"], mode=mode, padding_mode=padding)
    for feeds, constants in (({"x": random(1, 1, 2, 1, 3), "g": grid}, {}), ({"x": random(1, 1, 2, 1, 3)}, {"g": grid})):
        compare([made], feeds, ["y"], constants, opset=20)


@pytest.mark.parametrize("case", node_cases.of("RoiAlign", "roialign"), ids=lambda case: case.name)
def test_roi_align_case(case):
    node_cases.check(case, constant=(1, 2))


@pytest.mark.parametrize("case", node_cases.of("MaxUnpool", "maxunpool"), ids=lambda case: case.name)
@pytest.mark.parametrize("constant", [(2,), (1, 2)], ids=["computed", "constant"])
def test_max_unpool_case(case, constant):
    node_cases.check(case, constant=constant)


@pytest.mark.parametrize("case", node_cases.of("CenterCropPad", "center_crop_pad"), ids=lambda case: case.name)
def test_center_crop_pad_case(case):
    node_cases.check(case, constant=(1,))


REGIONS = np.float32([[1, 2, 6.5, 7], [-3, -2, 2, 11], [4, 4, 4.2, 4.1], [9, 9, 30, 30]])


@pytest.mark.parametrize("mode", ["avg", "max"])
@pytest.mark.parametrize("transformation", ["half_pixel", "output_half_pixel"])
@pytest.mark.parametrize("ratio, scale", [(0, 1.0), (3, 0.5)])
def test_regions_of_several_images(mode, transformation, ratio, scale):
    """Inside, across the edges, of no size, outside."""
    made = helper.make_node(
        "RoiAlign", ["x", "r", "b"], ["y"], mode=mode, coordinate_transformation_mode=transformation, output_height=2,
        output_width=3, sampling_ratio=ratio, spatial_scale=scale,
    )  # fmt: skip
    compare([made], {"x": random(0, 2, 2, 8, 9)}, ["y"], {"r": REGIONS, "b": np.array([0, 1, 1, 0])}, opset=16)


@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_largest_of_regions(scale):
    regions = np.concatenate([np.float32([[0], [1], [1], [0]]), REGIONS], axis=1)
    made = helper.make_node("MaxRoiPool", ["x", "r"], ["y"], pooled_shape=[3, 2], spatial_scale=scale)
    compare([made], {"x": random(0, 2, 2, 8, 9)}, ["y"], {"r": regions})


@pytest.mark.parametrize("computed", [False, True])
def test_unpooling_into_a_larger_shape(computed):
    """Two writes to one place: the last one counts."""
    indices = np.array([[[[0, 9], [13, 13]]]])
    made = helper.make_node("MaxUnpool", ["x", "i", "s"], ["y"], kernel_shape=[2, 2], strides=[2, 2])
    feeds, constants = {"x": random(0, 1, 1, 2, 2), "i": indices}, {"s": np.array([1, 1, 5, 4])}
    if not computed:
        constants["i"] = feeds.pop("i")
    compare([made], feeds, ["y"], constants)


@pytest.mark.parametrize("transformation", ["half_pixel", "output_half_pixel"])
@pytest.mark.parametrize("scale", [1.0, 0.5, 0.3])
@pytest.mark.parametrize("images", [1, 2])
def test_computed_regions(transformation, scale, images):
    """Regions and the images that they belong to are computed; each may lie outside."""
    made = helper.make_node(
        "RoiAlign", ["x", "r", "b"], ["y"], coordinate_transformation_mode=transformation, output_height=2, output_width=3,
        sampling_ratio=3, spatial_scale=scale,
    )  # fmt: skip
    feeds = {"x": random(0, images, 2, 6, 5), "r": REGIONS, "b": np.array([0, 1, 1, 0]) % images}
    compare([made], feeds, ["y"], opset=16)
    compare([made], {key: feeds[key] for key in "xr"}, ["y"], {"b": feeds["b"]}, opset=16)


@pytest.mark.parametrize("settings", [{"mode": "max", "sampling_ratio": 2}, {}])
def test_computed_regions_that_are_refused(settings):
    made = helper.make_node("RoiAlign", ["x", "r", "b"], ["y"], "n", **settings)
    with pytest.raises(UnsupportedOperator, match="fixed sampling_ratio"):
        compare([made], {"x": random(0, 1, 1, 6, 5), "r": REGIONS}, ["y"], {"b": np.array([0, 0, 0, 0])}, opset=16)
