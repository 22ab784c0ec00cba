"""Writes docs/operators.md: every operator that can be proved, its limits, and how many of ONNX's node cases pass.

A case passes when its stored outputs come out of the integer model with every relation satisfied, first with all inputs
computed; where that is refused, with all but the first (or with the first) constant.
"""

from __future__ import annotations

import sys
import warnings
from collections import Counter
from importlib import import_module
from pathlib import Path

import onnx

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "operators"))
warnings.filterwarnings("ignore")

node_cases = import_module("node_cases")
control = import_module("test_control")

from tacit.operators import EXPANSIONS, LOWERINGS, SUPPORTED  # noqa: E402

LIMITS = {
    "Attention": "infinite masks are constant or boolean, and not in the scores that it gives out",
    "BatchNormalization": "inference only",
    "Cast": "between floats, from integers to floats and wider integers, from floats to integers and booleans on quantised values",
    "Celu": "alpha > 0",
    "Clip": "floats; constant bounds",
    "Compress": "computed conditions: a padded result",
    "Conv": "constant weights; any number of spatial axes",
    "ConvTranspose": "constant weights; any number of spatial axes",
    "CumSum": "constant axis",
    "Div": "a zero divisor counts as the smallest positive step; integers are truncated",
    "Dropout": "inference only",
    "Einsum": "at most two operands",
    "GRU": "steps are written down one by one",
    "Gather": "an index outside the axis means the nearest place inside",
    "GatherElements": "as Gather",
    "GatherND": "as Gather",
    "GridSample": "border clamps elements, not places, as onnxruntime does",
    "GlobalLpPool": "p = 1, 2",
    "IsInf": "always false",
    "IsNaN": "always false",
    "LSTM": "as GRU; the argument of h is not clipped, as in onnxruntime",
    "LayerNormalization": "a row's square sum is at least one step, so rows of equal elements are 0",
    "Log": "16-bit argument; the lowest value at 0 and below",
    "LpNormalization": "p = 1, 2",
    "LpPool": "p = 1, 2",
    "MaxRoiPool": "constant regions",
    "MaxUnpool": "the last write to a place counts",
    "NonMaxSuppression": "a padded result; constant limits and thresholds; boxes as narrow tensors",
    "NonZero": "a padded result",
    "OneHot": "a constant depth",
    "Pow": "a constant exponent of one element; integers: squares and cubes",
    "RNN": "as GRU",
    "Reciprocal": "the largest value at 0",
    "ReduceLogSum": "a sum of 0 or less counts as the smallest positive step",
    "ReduceProd": "as many factors as fit in 60 bits",
    "Resize": "constant sizes or scales; nearest, linear, cubic; not tf_crop_and_resize",
    "ReverseSequence": "lengths beyond the axis are clamped",
    "RoiAlign": "over computed regions averages of a fixed sampling_ratio",
    "ScatterElements": "indices as Gather; products are rounded write by write",
    "ScatterND": "as ScatterElements",
    "Slice": "constant bounds",
    "Sqrt": "0 for negative values",
    "com.microsoft.Attention": "no rotary positions, no shared buffer",
    "com.microsoft.GroupQueryAttention": "earlier keys fill their tensor; no position_ids, no sink",
    "com.microsoft.MultiHeadAttention": "three separate tensors",
    "com.microsoft.RotaryEmbedding": "neither scaled nor packed",
    "TensorScatter": "starts as indices of Gather",
    "Tile": "constant repeats",
    "TopK": "a constant k; always sorted",
    "Unique": "padded results; rows along an axis of any length",
}

HEAD = """# Operators

Written by `bench/operators.py`. Floats become integers with a power-of-two scale (docs/pipeline.md): results are close to
float32, and the relations leave one witness. Shapes are static. Functions are total: at a pole they saturate, outside their
domain they have the value at its nearer end. Comparisons and steps act on the quantised values.

Results whose size depends on the input are *padded*: they have the largest size that is possible, what counts comes first, zeros
fill up, and one more output, `<name>.count` (int64 without dimensions, after all outputs of the model), says how many places along
the axis count. The relations force the count and the padding. Operators that treat those places one by one may read a padded value:
pointwise ones; Transpose, Squeeze, Unsqueeze, Reshape and Flatten that keep the axis; Slice, Split, Concat, Gather, reductions,
Softmax and normalisations along other axes; Gather and GatherND at padded indices; convolutions and pooling of padded batches;
RoiAlign over padded regions; MatMul and Gemm with padded rows. Their results are padded too, and what stands beyond the count
means nothing. Every other reader is refused by name.

Cases: ONNX's own node cases ({version}) that pass, of those whose inputs and outputs are tensors of numbers, function bodies aside.
The others need computed parameters, empty tensors, infinities, training mode, or what the limits say.
Control flow, sequences and optionals are resolved when a model is read (docs/pipeline.md): {flat} of {branching} such cases.
In all: {passed} of {count} cases of the operators below; the suite has {total} such cases of {kinds} operators.

| family | operator | cases | limits |
|---|---|---|---|
"""


def passes(case) -> bool:
    """Whether one of the three readings of a case (see the module) gives its outputs."""
    inputs = len(case.model.graph.input)
    for constant in ((), tuple(range(1, inputs)), (0,)):
        try:
            node_cases.check(case, constant)
            return True
        except Exception as error:
            if isinstance(error, AssertionError):
                print(f"{case.name}, constant inputs {constant}: {str(error)[:150]}", file=sys.stderr)
    return False


def unrolls(name: str) -> bool:
    """Whether a case with control flow, sequences or optionals gives its outputs."""
    try:
        control.test_integers(name)
    except Exception:
        return False
    return True


def coverage() -> tuple[Counter, Counter]:
    """Operator -> cases that pass; operator -> cases."""
    node_cases.collected.collect_testcases(None)
    passed, count = Counter(), Counter()
    for case in node_cases.cases().values():
        operator = case.model.graph.node[0].op_type
        if all(map(node_cases.is_number, node_cases.values(case))):
            count[operator] += 1
            passed[operator] += operator in SUPPORTED and passes(case)
    return passed, count


def table() -> str:
    passed, count = coverage()
    rows = []
    for operator in sorted(SUPPORTED, key=lambda o: (family(o), o)):
        cases = f"{passed[operator]}/{count[operator]}" if count[operator] else "-"
        rows.append(f"| {family(operator)} | {operator} | {cases} | {LIMITS.get(operator, '')} |\n")
    head = HEAD.format(
        version=f"onnx {onnx.__version__}",
        passed=sum(passed[operator] for operator in SUPPORTED),
        count=sum(count[operator] for operator in SUPPORTED),
        total=sum(count.values()),
        flat=sum(map(unrolls, control.control_cases.cases())),
        branching=len(control.control_cases.cases()),
        kinds=len(count),
    )
    return head + "".join(rows)


def family(operator: str) -> str:
    """The folder of its file."""
    made = LOWERINGS[operator].lower if operator in LOWERINGS else EXPANSIONS[operator]
    return made.__module__.split(".")[2]


if __name__ == "__main__":
    (ROOT / "docs" / "operators.md").write_text(table())
