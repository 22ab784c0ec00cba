"""Trains the digits model with NumPy; writes digits.onnx, its SHA-256 and the held-out images. About 20 s.

conv 3x3x8, relu, conv 3x3x16, relu, maxpool 2, dense 32, relu, dense 10, on the 8x8 digits of scikit-learn (UCI,
optical recognition of handwritten digits). The last 360 of the 1,797 images are held out.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # sums in one order on any number of cores, and faster for matrices this small

import numpy as np  # noqa: E402
import onnx  # noqa: E402
from onnx import helper, numpy_helper  # noqa: E402

HERE = Path(__file__).resolve().parent
HELD_OUT = 360
SEED = 7
EPOCHS = 60
BATCH = 32
RATE = 2e-3
LARGEST_PIXEL = 16
Parameters = dict[str, np.ndarray]


def data() -> tuple[np.ndarray, np.ndarray]:
    """Pixels uint8 [1797, 8, 8] in 0 .. 16, and labels [1797]."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    return digits.images.astype(np.uint8), digits.target.astype(np.uint8)


def scaled(pixels: np.ndarray) -> np.ndarray:
    """uint8 [n, 8, 8] -> float32 [n, 1, 8, 8] in [0, 1]: what the model takes."""
    return (pixels[:, None].astype(np.float32) / LARGEST_PIXEL).astype(np.float32)


def initial(generator: np.random.Generator) -> Parameters:
    """He-initialised weights. Convolutions [out, in, 3, 3], dense layers [in, out]."""
    shapes = {"conv1": (8, 1, 3, 3), "conv2": (16, 8, 3, 3), "dense1": (256, 32), "dense2": (32, 10)}
    parameters: Parameters = {}
    for name, shape in shapes.items():
        inputs = int(np.prod(shape[1:])) if len(shape) == 4 else shape[0]
        parameters[f"{name}.weight"] = generator.standard_normal(shape) * (2.0 / inputs) ** 0.5
        parameters[f"{name}.bias"] = np.zeros(shape[0] if len(shape) == 4 else shape[1])
    return parameters


def windows(x: np.ndarray) -> np.ndarray:
    """[n, c, h, w] -> [n, h, w, c * 9]: the 3x3 surroundings of every pixel, zero outside."""
    n, c, h, w = x.shape
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    view = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
    return np.ascontiguousarray(view.transpose(0, 2, 3, 1, 4, 5)).reshape(n, h, w, c * 9)


def convolve(x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Output [n, out, h, w] and the windows that the gradient needs."""
    taps = windows(x)
    return (taps @ weight.reshape(len(weight), -1).T + bias).transpose(0, 3, 1, 2), taps


def convolve_gradient(
    gradient: np.ndarray, taps: np.ndarray, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gradients of input, weight and bias. The input's is the convolution with the turned kernels."""
    rows = gradient.transpose(0, 2, 3, 1).reshape(-1, len(weight))
    by_weight = (rows.T @ taps.reshape(len(rows), -1)).reshape(weight.shape)
    turned = weight[:, :, ::-1, ::-1].transpose(1, 0, 2, 3)
    by_input, _ = convolve(gradient, turned, np.zeros(len(turned)))
    return by_input, by_weight, rows.sum(0)


def forward(p: Parameters, x: np.ndarray) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
    """Logits [n, 10] and what the gradient needs."""
    a, taps1 = convolve(x, p["conv1.weight"], p["conv1.bias"])
    a = np.maximum(a, 0)
    b, taps2 = convolve(a, p["conv2.weight"], p["conv2.bias"])
    b = np.maximum(b, 0)
    n, c, h, w = b.shape
    blocks = b.reshape(n, c, h // 2, 2, w // 2, 2).transpose(0, 1, 2, 4, 3, 5).reshape(n, c, h // 2, w // 2, 4)
    flat = blocks.max(-1).reshape(n, -1)
    hidden = np.maximum(flat @ p["dense1.weight"] + p["dense1.bias"], 0)
    return hidden @ p["dense2.weight"] + p["dense2.bias"], (taps1, a, taps2, b, blocks, flat, hidden)


def gradients(p: Parameters, x: np.ndarray, labels: np.ndarray) -> Parameters:
    """Gradient of the mean cross-entropy."""
    logits, (taps1, a, taps2, b, blocks, flat, hidden) = forward(p, x)
    n = len(x)
    exponentials = np.exp(logits - logits.max(1, keepdims=True))
    d = exponentials / exponentials.sum(1, keepdims=True)
    d[np.arange(n), labels] -= 1
    d /= n
    found = {"dense2.weight": hidden.T @ d, "dense2.bias": d.sum(0)}
    d = (d @ p["dense2.weight"].T) * (hidden > 0)
    found |= {"dense1.weight": flat.T @ d, "dense1.bias": d.sum(0)}
    pooled = (d @ p["dense1.weight"].T).reshape(blocks.shape[:-1])
    chosen = np.eye(4)[blocks.argmax(-1)] * pooled[..., None]
    halves = chosen.reshape(*blocks.shape[:-1], 2, 2).transpose(0, 1, 2, 4, 3, 5).reshape(b.shape)
    d, found["conv2.weight"], found["conv2.bias"] = convolve_gradient(halves * (b > 0), taps2, p["conv2.weight"])
    _, found["conv1.weight"], found["conv1.bias"] = convolve_gradient(d * (a > 0), taps1, p["conv1.weight"])
    return found


def train(x: np.ndarray, labels: np.ndarray) -> Parameters:
    """Adam with a rate that falls like a cosine; images are shifted by at most one pixel at random."""
    generator = np.random.default_rng(SEED)
    p = initial(generator)
    first = {name: np.zeros_like(array) for name, array in p.items()}
    second = {name: np.zeros_like(array) for name, array in p.items()}
    steps = EPOCHS * (len(x) // BATCH)
    step = 0
    for _ in range(EPOCHS):
        order = generator.permutation(len(x))[: len(x) // BATCH * BATCH]
        for chosen in order.reshape(-1, BATCH):
            step += 1
            rate = RATE * 0.5 * (1 + np.cos(np.pi * step / steps))
            found = gradients(p, shifted(x[chosen].astype(np.float64), generator), labels[chosen])
            for name, gradient in found.items():
                first[name] = 0.9 * first[name] + 0.1 * gradient
                second[name] = 0.999 * second[name] + 0.001 * gradient**2
                mean, spread = first[name] / (1 - 0.9**step), second[name] / (1 - 0.999**step)
                p[name] = p[name] * (1 - 0.01 * rate) - rate * mean / (np.sqrt(spread) + 1e-8)
    return p


def shifted(x: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Every second batch as it is, the others moved by up to one pixel, zeros entering."""
    if generator.random() < 0.5:
        return x
    down, right = generator.integers(0, 3, 2)
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    return padded[:, :, down : down + 8, right : right + 8]


def export(p: Parameters) -> onnx.ModelProto:
    """The model: input float32 [N, 1, 8, 8] in [0, 1], output the 10 logits."""
    convolution = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}
    nodes = [
        helper.make_node("Conv", ["image", "conv1.weight", "conv1.bias"], ["conv1"], name="conv1", **convolution),
        helper.make_node("Relu", ["conv1"], ["relu1"], name="relu1"),
        helper.make_node("Conv", ["relu1", "conv2.weight", "conv2.bias"], ["conv2"], name="conv2", **convolution),
        helper.make_node("Relu", ["conv2"], ["relu2"], name="relu2"),
        helper.make_node("MaxPool", ["relu2"], ["pool"], name="pool", kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Flatten", ["pool"], ["flat"], name="flatten"),
        helper.make_node("Gemm", ["flat", "dense1.weight", "dense1.bias"], ["dense1"], name="dense1"),
        helper.make_node("Relu", ["dense1"], ["relu3"], name="relu3"),
        helper.make_node("Gemm", ["relu3", "dense2.weight", "dense2.bias"], ["logits"], name="dense2"),
    ]
    graph = helper.make_graph(
        nodes,
        "digits",
        [helper.make_tensor_value_info("image", onnx.TensorProto.FLOAT, ["N", 1, 8, 8])],
        [helper.make_tensor_value_info("logits", onnx.TensorProto.FLOAT, ["N", 10])],
        [numpy_helper.from_array(array.astype(np.float32), name) for name, array in p.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="tacit")
    onnx.checker.check_model(model, full_check=True)
    return model


def accuracy(p: Parameters, x: np.ndarray, labels: np.ndarray) -> float:
    return float(np.mean(forward(p, x.astype(np.float64))[0].argmax(1) == labels))


def main() -> None:
    pixels, labels = data()
    x = scaled(pixels)
    p = train(x[:-HELD_OUT], labels[:-HELD_OUT])
    encoded = export(p).SerializeToString(deterministic=True)
    (HERE / "digits.onnx").write_bytes(encoded)
    (HERE / "digits.onnx.sha256").write_text(f"{hashlib.sha256(encoded).hexdigest()}  digits.onnx\n")
    np.savez_compressed(HERE / "heldout.npz", images=pixels[-HELD_OUT:], labels=labels[-HELD_OUT:])
    on_training = accuracy(p, x[:-HELD_OUT], labels[:-HELD_OUT])
    held_out = accuracy(p, x[-HELD_OUT:], labels[-HELD_OUT:])
    print(f"accuracy: training {on_training:.4f}, held out {held_out:.4f}")
    print((HERE / "digits.onnx.sha256").read_text().split()[0])


if __name__ == "__main__":
    main()
