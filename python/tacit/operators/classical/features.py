"""Preparing features: Scaler, Normalizer, Imputer, Binarizer, FeatureVectorizer, ArrayFeatureExtractor, OneHotEncoder and
LabelEncoder of numbers."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto, helper

from tacit.graph import Node
from tacit.operators.classical.missing import parts_of
from tacit.operators.classical.scores import floats, refused
from tacit.operators.registry import expansion
from tacit.passes.expansion import Expansion


@expansion("ai.onnx.ml.Scaler")
def scaler(e: Expansion, node: Node) -> str:
    """(x - offset) scale, by feature."""
    x = floats(e, node.inputs[0])
    offset, scale = (np.array(node.attributes.get(key, [0.0]), dtype=np.float32) for key in ("offset", "scale"))
    centred = e.op("Sub", x, e.constant(offset)) if np.any(offset) else x
    return e.op("Mul", centred, e.constant(scale)) if "scale" in node.attributes else centred


@expansion("ai.onnx.ml.Normalizer")
def normalizer(e: Expansion, node: Node) -> str:
    """Rows over their largest, absolute or square sum."""
    x, kind = floats(e, node.inputs[0]), str(node.attributes.get("norm", "MAX"))
    if kind in ("L1", "L2"):
        return e.op("LpNormalization", x, axis=-1, p=int(kind[1]))
    return e.op("Div", x, e.op("ReduceMax", x, e.integers(-1), keepdims=1))


@expansion("ai.onnx.ml.Imputer")
def imputer(e: Expansion, node: Node) -> str:
    """The imputed value of the feature where x is the replaced value. Where NaN is replaced, that is where an input is missing;
    nothing where no input may be."""
    x, kind = node.inputs[0], ("int64" if e.dtype(node.inputs[0]).kind == "i" else "float")
    replaced = node.attributes.get(f"replaced_value_{kind}", 0)
    values = e.constant(np.array(node.attributes[f"imputed_value_{kind}s"], dtype=e.dtype(x)))
    if np.isnan(replaced):
        parts = parts_of(e, x)
        return e.op("Where", parts[1], values, parts[0]) if parts else e.op("Identity", x)
    return e.op("Where", e.op("Equal", x, e.constant(replaced, e.dtype(x))), values, x)


@expansion("ai.onnx.ml.Binarizer")
def binarizer(e: Expansion, node: Node) -> str:
    """1 where x > threshold, else 0."""
    x = node.inputs[0]
    above = e.op("Greater", x, e.constant(float(node.attributes.get("threshold", 0.0)), e.dtype(x)))
    return e.op("Cast", above, to=helper.np_dtype_to_tensor_dtype(e.dtype(x)))


@expansion("ai.onnx.ml.FeatureVectorizer")
def feature_vectorizer(e: Expansion, node: Node) -> str:
    """The first features of every input, side by side."""
    sizes = node.attributes.get("inputdimensions") or [e.shape(name)[-1] for name in node.inputs]
    parts = [
        e.op("Slice", floats(e, name), e.integers(0), e.integers(int(size)), e.integers(1))
        for name, size in zip(node.inputs, sizes)
    ]
    return e.op("Concat", *parts, axis=1) if len(parts) > 1 else parts[0]


@expansion("ai.onnx.ml.ArrayFeatureExtractor")
def array_feature_extractor(e: Expansion, node: Node) -> str:
    """The elements of the last axis at a list of positions; a list becomes one row."""
    x = node.inputs[0]
    positions = e.op("Reshape", node.inputs[1], e.integers(-1))
    found = e.op("Gather", x, positions, axis=len(e.shape(x)) - 1)
    return e.op("Unsqueeze", found, e.integers(0)) if len(e.shape(x)) == 1 else found


@expansion("ai.onnx.ml.OneHotEncoder")
def one_hot_encoder(e: Expansion, node: Node) -> str:
    """[x = category], one more axis; unknown categories give zeros."""
    if node.attributes.get("cats_strings"):
        raise refused(node, "its categories are texts; encode them as integers")
    x, categories = node.inputs[0], np.array(node.attributes["cats_int64s"])
    wide = e.op("Unsqueeze", x, e.integers(len(e.shape(x))))
    return e.op("Cast", e.op("Equal", wide, e.constant(categories, e.dtype(x))), to=TensorProto.FLOAT)


@expansion("ai.onnx.ml.LabelEncoder")
def label_encoder(e: Expansion, node: Node) -> str:
    """The value of the key that equals x, else the default: default + sum over keys [x = key] (value - default)."""
    x = node.inputs[0]
    keys, values, default = (numbers_of(node, part) for part in ("keys", "values", "default"))
    if keys is None or values is None:
        raise refused(node, "its keys or values are texts; encode them as numbers")
    kind = values.dtype if values.dtype.kind == "f" else np.dtype(np.int64)
    base = (default if default is not None else np.array([-1 if kind.kind == "i" else 0])).astype(kind).reshape(-1)[0]
    keys, first = np.unique(keys.astype(e.dtype(x)), return_index=True)
    wide = e.op("Unsqueeze", x, e.integers(len(e.shape(x))))
    found = e.op("Cast", e.op("Equal", wide, e.constant(keys)), to=helper.np_dtype_to_tensor_dtype(kind))
    gain = e.op("Mul", found, e.constant((values.astype(kind) - base)[first]))
    total = e.op("Add", e.op("ReduceSum", gain, e.integers(-1), keepdims=0), e.constant(base))
    want = e.dtype(node.outputs[0])
    return total if want == kind else e.op("Cast", total, to=helper.np_dtype_to_tensor_dtype(want))


def numbers_of(node: Node, part: str) -> np.ndarray | None:
    """Keys, values or the default of a label encoder; None when they are texts or absent."""
    for name, dtype in (("tensor", None), ("int64s", np.int64), ("floats", np.float32), ("int64", np.int64), ("float", np.float32)):
        found = node.attributes.get(f"{part}_{name}")
        if found is not None:
            array = np.asarray(found, dtype=dtype)
            return array if array.dtype.kind in "iuf" else None
    return None
