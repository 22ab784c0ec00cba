"""Random windows after random movement against onnxruntime: what lowers agrees, what does not is refused by name."""

import numpy as np
import onnxruntime
import pytest
from onnx import helper
from oracle import compare, model, random

from tacit.errors import UnsupportedOperator

COUNT = 15
onnxruntime.set_default_logger_severity(4)


def prefix(generator, rank, place):
    """(node, constants) of one movement of the spatial axes of m{place}."""
    kind = str(generator.choice(["pad", "slice", "flip"]))
    names = [f"{stem}{place}" for stem in ("start", "end", "axes", "step")]
    axes = np.arange(2, 2 + rank)
    if kind == "pad":
        pads = np.concatenate([[0, 0], generator.integers(0, 3, rank), [0, 0], generator.integers(0, 3, rank)])
        constants = {f"pads{place}": pads, f"value{place}": np.float32(generator.choice([0, -1.5]))}
        return helper.make_node("Pad", [f"m{place}", *constants], [f"m{place + 1}"], name=f"pad{place}"), constants
    ends = (0, 2**31 - 1, 1) if kind == "slice" else (-1, -(2**31), -1)
    start, end, step = (np.full(rank, value) for value in ends)
    if kind == "slice":
        start, step = generator.integers(0, 2, rank), generator.integers(1, 3, rank)
    constants = dict(zip(names, (start, end, axes, step), strict=True))
    return helper.make_node("Slice", [f"m{place}", *names], [f"m{place + 1}"], name=f"slice{place}"), constants


def attributes_of(generator, operator, kernel):
    rank, found = len(kernel), {}
    if operator != "Conv":
        found["kernel_shape"] = kernel
    if generator.random() < 0.7:
        found["strides"] = generator.integers(1, 4, rank).tolist()
    if operator != "AveragePool" and generator.random() < 0.4:
        found["dilations"] = generator.integers(1, 3, rank).tolist()
    kind = generator.random()
    if kind < 0.5:
        found["pads"] = [int(generator.integers(0, size)) for size in kernel * 2]
    elif kind < 0.75:
        found["auto_pad"] = str(generator.choice(["SAME_UPPER", "SAME_LOWER", "VALID"]))
    if operator != "Conv" and "auto_pad" not in found and generator.random() < 0.4:
        found["ceil_mode"] = 1
    if operator == "AveragePool" and generator.random() < 0.4:
        found["count_include_pad"] = 1
    return found


def drawn(seed):
    """(nodes, feeds, constants) of a random model with one window."""
    generator = np.random.default_rng(seed)
    rank, channels = int(generator.integers(1, 3)), 4
    x = random(seed, 2, channels, *generator.integers(3, 9, rank).tolist()) + np.float32(generator.choice([0, -4]))
    nodes, constants = [], {}
    for place in range(int(generator.integers(0, 3))):
        made, more = prefix(generator, rank, place)
        nodes.append(made)
        constants |= more
    operator = str(generator.choice(["Conv", "MaxPool", "AveragePool"]))
    kernel = generator.integers(1, 4, rank).tolist()
    attributes = attributes_of(generator, operator, kernel)
    inputs = [f"m{len(nodes)}"]
    if operator == "Conv":
        groups = int(generator.choice([1, 2, 4]))
        constants |= {"w": random(seed, 2 * groups, channels // groups, *kernel), "b": random(seed + 1, 2 * groups)}
        inputs, attributes = [*inputs, "w", "b"], attributes | {"group": groups}
    nodes.append(helper.make_node(operator, inputs, ["y"], "window", **attributes))
    return nodes, {"m0": x}, constants


@pytest.mark.parametrize("start", range(0, 4 * COUNT, COUNT))
def test_random_windows(start):
    agreed = 0
    for seed in range(start, start + COUNT):
        nodes, feeds, constants = drawn(seed)
        try:
            onnxruntime.InferenceSession(
                model(nodes, feeds, ["y"], constants).SerializeToString(), providers=["CPUExecutionProvider"]
            ).run(None, feeds)
        except Exception:  # onnxruntime's own refusals have many types
            continue
        try:
            compare(nodes, feeds, ["y"], constants, tolerance=4e-3)
            agreed += 1
        except UnsupportedOperator as error:
            assert "window" in str(error)
    assert agreed > COUNT // 2
