"""The pipeline, readable top to bottom: each line turns frozen data into frozen data."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from tacit import images, inputs, progress
from tacit.arithmetize import arithmetize, finish
from tacit.chunks import Row, following, lowered_chunk, prepared
from tacit.fidelity import LARGEST_ERROR, LARGEST_SCORE_ERROR, Reference, is_faithful, measure
from tacit.frontends import onnx_missing
from tacit.frontends.estimators import from_estimator
from tacit.frontends.generation import Chunk, Generation
from tacit.frontends.models import free_inputs
from tacit.frontends.onnx_inputs import Shapes
from tacit.frontends.words import words_of
from tacit.graph import Graph, require_supported
from tacit.hiding import OPENINGS, fresh_seed
from tacit.images import ImageScale
from tacit.inputs import Declared
from tacit.key import Key
from tacit.lower import Lowered, lower
from tacit.model import Model, committed
from tacit.observe import Range, observe
from tacit.operators import EXPANSIONS, SUPPORTED
from tacit.options import Links, linked, require_chunk, require_options, require_shapes
from tacit.passes import expand, join_softmax, simplify
from tacit.quantize import FAITHFUL, TOY, InputScale, Scales, Width, quantize
from tacit.receipt import Receipt
from tacit.report import Report
from tacit.sampling import reference, sampled
from tacit.search import MARKS, Search, Tolerance, cheapest, faithful
from tacit.typical import loosened, typical_rows
from tacit.verify import verify

__all__ = ["compile", "prove", "verify"]

log = logging.getLogger("tacit")
UNCALIBRATED = "compiling without samples: ranges are those of made-up inputs; give samples to be faithful to the model"


def compile(
    model: Any,
    samples: inputs.Given | None = None,
    *,
    widths: str = "standard",
    tolerance: float | Tolerance | None = None,
    held: inputs.Given | None = None,
    image: float | ImageScale | None = None,
    shapes: Shapes | None = None,
    trips: int | None = None,
    fixed: Mapping[str, Any] | None = None,
    like: Model | None = None,
    batch: int | None = None,
    openings: int | None = None,
    receipts: str = "quick",
    seed: bytes | None = None,
    links: Links | None = None,
) -> Model:
    """Compiles a model to an integer model, its circuit and its key, and measures it. ONNX: a path, bytes or ModelProto; torch:
    a module or an exported program; weights: the path of a GGUF file or of a safetensors model's folder; fitted estimators of
    scikit-learn, XGBoost and LightGBM. Under 'standard' widths, these and models small enough for 12 bits get 'faithful' ones
    where labels or numbers differ on the samples, or between them.

    `samples`: inputs that the model will see; their ranges fix the scales. An array equal to the declared shape is one
    sample; otherwise the first axis counts samples. None: typical inputs are made up, with a warning. `held`: more rows, which
    fix nothing and are only measured. `widths`: 'lean' (12 bits), 'standard' (12 or 16 by the size of the model) or 'faithful'
    (16, finer weights, 18 at nodes where these miss). `tolerance` searches for the cheapest widths that meet it instead: the
    largest error as a share of the largest output, or a `Tolerance`. `image`: how pixels become inputs, for image files; a number
    divides them. `shapes`: lengths of symbolic axes, by the name of a dimension or of an input; the samples give the others.
    `trips`: the most turns of a loop that the input ends and the model does not bound. `fixed`: inputs that become constants of the
    model, {name: array or number}; samples and proofs have no such inputs. `like`: the model compiled at other shapes, longer ones;
    this one gets its scales and its commitment to the weights. `batch`: how many samples one proof holds, each computed as it is
    alone, so that what the weights cost is paid once; they take the place of an input's or output's first axis of 1, others get one
    more axis.
    `openings`: how many proofs the commitment hides the weights in (any number hides inputs), 100 where it is None; 0: none hides.
    With `like`, so many of the proofs that the other model has left, half of them where it is None. `receipts`: 'quick'
    to make, or 'small', for up to three times the time of a proof (commitments that are shared have their rate in any case).
    `seed`: 32 secret bytes that the commitment's randomness follows from, which no other commitment may have had; None: fresh ones,
    so that the same model has another key each time. `links`: {input: (key of another model, name of its output)}: the input has
    the integers of that output, and the commitments' limbs have one length, so that a tensor which that model commits to can be
    given for it (`Model.prove(commit=)`).
    Raises ModelError (also for a tolerance that no widths meet), UnsupportedOperator, InputError.
    """
    require_options(widths, tolerance, trips, like, openings, batch, seed, receipts)
    pinned, limbs = linked(links, None if like is None else like.parameters, openings, batch)
    places, openings = openings, like.openings if like is not None else OPENINGS if openings is None else openings
    secret = like.seed if like is not None else fresh_seed(seed) if openings else None
    scale = images.scale_of(image)
    estimator, model = model, from_estimator(model)
    words = words_of(model.model, model.tokenizer) if isinstance(model, Generation) else None
    if isinstance(model, Generation):
        samples, held = (texts if texts is None else model.samples(texts, words) for texts in (samples, held))
    classes: tuple[str, ...] = ()
    if isinstance(model, Chunk):
        require_chunk(tolerance, image, shapes, trips, fixed, batch, links)
        lowered, report, declared = chunk(model, samples, held, widths, like, openings > 0)
    else:
        source, rows, declared = sampled(model, samples, scale, shapes, trips, fixed)
        held_rows = () if held is None else inputs.many(held, declared, scale)
        fit = Fit(widths, tolerance, like, openings > 0, batch, pinned)
        require_shapes(source, links)
        lowered, report = fitted(source, None if samples is None else rows, held_rows, scale, fit, estimator is model)
        classes = source.classes
        del source, rows, held_rows  # a large model's floats take the memory that committing needs
    steps = following(model, lowered, like) if isinstance(model, Generation) and batch is None else None
    unfinished, weights = arithmetize(lowered.program, lowered.weights)
    program, scales = lowered.program, lowered.scales
    del lowered
    circuit = finish(unfinished, openings, receipts, limbs)
    prover, weights = committed(circuit, weights, secret, like)
    key = Key.from_bytes(prover.key())
    compiled = Model(program, circuit, weights, key, declared, scales, scale, classes, seed=secret, digests=prover.digests())
    compiled._prover = prover
    compiled.words, compiled.following = words, steps
    if like is not None:
        compiled.require_weights_of(like)
        compiled.share(like, places)
    terms, bits = key.core.security()
    found = compiled.forecast
    report = replace(report, peak_memory=found.peak, prove_seconds=found.seconds)
    calibrated = samples is not None or (isinstance(model, Chunk) and like is not None)
    compiled.report = replace(report, security=tuple(terms), bits=bits, calibrated=calibrated)
    return compiled


def chunk(
    task: Chunk, samples: Any, held: Any, widths: str, like: Model | None, hideable: bool
) -> tuple[Lowered, Report, tuple[Declared, ...]]:
    """A chunk of a sequence, its report, and what its inputs are; samples are of the whole sequence."""
    rows: list[dict[str, np.ndarray]] = []
    declared = tuple(Declared(i.name, i.shape, i.dtype, i.batched) for i in free_inputs(task.whole))
    if like is None and samples is None:
        rows = typical_rows(prepared(task.whole), None)
        log.warning(UNCALIBRATED)
    elif like is None:
        rows = inputs.many(samples, declared)
    lowered, report = lowered_chunk(task, rows, () if held is None else inputs.many(held, declared), widths, like, hideable)
    given = [(step.name, step.arguments) for step in lowered.program.steps if step.gadget in ("input", "claim")]
    shapes = {name: tuple(arguments["shape"]) for name, arguments in given}
    return lowered, report, tuple(Declared(n, shapes[n], str(given["dtype"]), shapes[n][0] == 1) for n, given in given)


class Fit(NamedTuple):
    """How a model is to be scaled and lowered; see `compile`."""

    widths: str | Width
    tolerance: float | Tolerance | None
    like: Model | None
    hideable: bool
    batch: int | None
    pinned: Mapping[str, InputScale]


def fitted(
    source: Graph, rows: list | None, held: Sequence[Row], scale: ImageScale | None, fit: Fit, is_graph: bool
) -> tuple[Lowered, Report]:
    """A loaded model, simplified, observed on its samples and lowered; what it was measured at. `is_graph`: it was given as such,
    not as an estimator."""
    graph = simplify(expand(join_softmax(source), EXPANSIONS))
    onnx_missing.require_taken(graph)
    require_supported(graph, SUPPORTED)
    samples = typical_rows(graph, scale) if rows is None else rows
    if rows is None:
        log.warning(UNCALIBRATED)
    ranges: Mapping[str, Range] = observe(graph, progress.each("observing samples", samples))
    if rows is None:
        ranges = loosened(graph, ranges, scale)
    against = Reference(reference(source, graph), samples, held)
    scales, lowered, report = assigned(graph, ranges, against, fit)
    # Without being asked for: estimators, and models so small that they got the narrowest widths.
    chosen = fit.like is not None or fit.tolerance is not None or fit.widths != "standard" or (is_graph and scales.bits > TOY.bits)
    limit = LARGEST_SCORE_ERROR if is_graph else LARGEST_ERROR
    if not chosen and not is_faithful(report, lowered, scales, against, graph, limit):
        _, lowered, report = assigned(graph, ranges, against, fit._replace(widths=FAITHFUL))
    return lowered, report


def assigned(
    graph: Graph, ranges: Mapping[str, Range], against: Reference, fit: Fit
) -> tuple[Scales, Lowered, Report]:
    """The widths that were asked for, or the cheapest ones that meet the tolerance; the program, and what it was measured at."""
    by_name = fit.widths == "faithful" and fit.like is None
    if fit.tolerance is not None or by_name:
        scales_of = lambda width: quantize(graph, ranges, width).with_inputs(fit.pinned)  # noqa: E731
        wanted = MARKS if fit.tolerance is None else Tolerance.of(fit.tolerance)
        search = Search(graph, scales_of, against, wanted, fit.batch, fit.hideable)
        return faithful(search) if fit.tolerance is None else cheapest(search)
    scales = quantize(graph, ranges, fit.widths)
    if fit.like is not None:
        scales = scales.as_in(fit.like.scales)
    scales = scales.with_inputs(fit.pinned)
    lowered = lower(graph, scales, None if fit.like is None else fit.like.columns(), fit.hideable, fit.batch)
    return scales, lowered, measure(lowered, scales, against, graph)


def prove(
    model: Model, given: inputs.Given, hide: Iterable[str] | None = None, context: bytes | str = b"", commit: Iterable[str] = ()
) -> Receipt:
    """The same as `model.prove`."""
    return model.prove(given, hide=hide, context=context, commit=commit)
