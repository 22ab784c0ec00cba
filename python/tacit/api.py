"""The pipeline, readable top to bottom: each line turns frozen data into frozen data."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from tacit import images, inputs, progress
from tacit.arithmetize import arithmetize, finish
from tacit.fidelity import LARGEST_ERROR, LARGEST_SCORE_ERROR, Reference, is_faithful, measure
from tacit.frontends import onnx_missing
from tacit.frontends.estimators import from_estimator
from tacit.frontends.generation import Generation
from tacit.frontends.onnx_inputs import Shapes
from tacit.frontends.words import words_of
from tacit.graph import Graph, require_supported
from tacit.hiding import OPENINGS, fresh_seed
from tacit.images import ImageScale
from tacit.key import Key
from tacit.lower import Lowered, lower
from tacit.model import Model, commit
from tacit.observe import Range, observe
from tacit.operators import EXPANSIONS, SUPPORTED
from tacit.options import Links, linked, require_options, require_shapes
from tacit.passes import expand, join_softmax, simplify
from tacit.quantize import TOY, InputScale, Scales, Width, quantize
from tacit.receipt import Receipt
from tacit.report import Report
from tacit.sampling import reference, sampled
from tacit.search import Search, Tolerance, cheapest
from tacit.typical import loosened, typical_rows
from tacit.verify import verify

__all__ = ["compile", "prove", "verify"]

log = logging.getLogger("tacit")


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
    (16, finer weights). `tolerance` searches for the cheapest widths that meet it instead: the largest error as a share of the
    largest output, or a `Tolerance`. `image`: how pixels become inputs, for image files; a number divides them. `shapes`:
    lengths of symbolic axes, by the name of a dimension or of an input; the samples give the others. `trips`: the most turns of
    a loop that the input ends and the model does not bound. `fixed`: inputs that become constants of the model, {name: array or
    number}; samples and proofs have no such inputs. `like`: the model compiled at other shapes, longer ones; this one gets its
    scales and its commitment to the weights. `batch`: how many samples one proof holds, each computed as it is alone, so that what
    the weights cost is paid once; they take the place of an input's or output's first axis of 1, others get one more axis.
    `openings`: how many proofs the commitment hides the weights in (any number hides inputs), 100 where it is None; 0: none hides.
    With `like`, so many of the proofs that the other model has left, half of them where it is None. `seed`: 32 secret bytes that
    the commitment's randomness follows from, which no other commitment may have had; None: fresh ones, so that the same model has
    another key each time. `links`: {input: (key of another model, name of its output)}: the input has the integers of that
    output, and the commitments' limbs have one length, so that a tensor which that model commits to can be given for it
    (`Model.prove(commit=)`).
    Raises ModelError (also for a tolerance that no widths meet), UnsupportedOperator, InputError.
    """
    require_options(widths, tolerance, trips, like, openings, batch, seed)
    pinned, limbs = linked(links, None if like is None else like.parameters, openings, batch)
    places, openings = openings, like.openings if like is not None else OPENINGS if openings is None else openings
    secret = like.seed if like is not None else fresh_seed(seed) if openings else None
    scale = images.scale_of(image)
    given, model = model, from_estimator(model)
    words = words_of(model.model, model.tokenizer) if isinstance(model, Generation) else None
    if isinstance(model, Generation):
        samples, held = (texts if texts is None else model.samples(texts, words) for texts in (samples, held))
    source, rows, declared = sampled(model, samples, scale, shapes, trips, fixed)
    graph = simplify(expand(join_softmax(source), EXPANSIONS))
    onnx_missing.require_taken(graph)
    require_supported(graph, SUPPORTED)
    if samples is None:
        rows = typical_rows(graph, scale)
        log.warning("compiling without samples: ranges are those of made-up inputs; give samples to be faithful to the model")
    ranges: Mapping[str, Range] = observe(graph, progress.each("observing samples", rows))
    if samples is None:
        ranges = loosened(graph, ranges, scale)
    against = Reference(reference(source, graph), rows, () if held is None else inputs.many(held, declared, scale))
    require_shapes(graph, links)
    scales, lowered, report = assigned(graph, ranges, against, widths, tolerance, like, openings > 0, batch, pinned)
    # Without being asked for: estimators, and models so small that they got the narrowest widths.
    is_graph = given is model
    chosen = like is not None or tolerance is not None or widths != "standard" or (is_graph and scales.bits > TOY.bits)
    limit = LARGEST_SCORE_ERROR if is_graph else LARGEST_ERROR
    if not chosen and not is_faithful(report, lowered, scales, against, graph, limit):
        scales, lowered, report = assigned(graph, ranges, against, "faithful", None, like, openings > 0, batch, pinned)
    unfinished, weights = arithmetize(lowered.program, lowered.weights)
    program, scales, classes = lowered.program, lowered.scales, source.classes
    # A large model's floats and wide integers take the memory that committing needs.
    del lowered, against, ranges, graph, source
    circuit = finish(unfinished, openings, limbs)
    prover = commit(circuit, weights, secret)
    key = Key.from_bytes(prover.key())
    compiled = Model(program, circuit, weights, key, declared, scales, scale, classes, seed=secret, digests=prover.digests())
    compiled._prover = prover
    compiled.words = words
    if like is not None:
        compiled.require_weights_of(like)
        compiled.share(like, places)
    terms, bits = key.core.security()
    found = compiled.forecast
    report = replace(report, peak_memory=found.peak, prove_seconds=found.seconds)
    compiled.report = replace(report, security=tuple(terms), bits=bits, calibrated=samples is not None)
    return compiled


def assigned(
    graph: Graph,
    ranges: Mapping[str, Range],
    against: Reference,
    widths: str | Width,
    tolerance: float | Tolerance | None,
    like: Model | None,
    hideable: bool,
    batch: int | None,
    pinned: Mapping[str, InputScale],
) -> tuple[Scales, Lowered, Report]:
    """The widths that were asked for, or the cheapest ones that meet the tolerance; the program, and what it was measured at."""
    if tolerance is not None:
        scales_of = lambda width: quantize(graph, ranges, width).with_inputs(pinned)  # noqa: E731
        found = cheapest(Search(graph, scales_of, against, Tolerance.of(tolerance), batch))
        if not hideable:
            return found
        lowered = lower(graph, found[0], hideable=True, batch=batch)
        return found[0], lowered, replace(measure(lowered, found[0], against, graph), assignment=found[2].assignment)
    scales = quantize(graph, ranges, widths)
    if like is not None:
        scales = scales.as_in(like.scales)
    scales = scales.with_inputs(pinned)
    lowered = lower(graph, scales, None if like is None else like.columns(), hideable, batch)
    return scales, lowered, measure(lowered, scales, against, graph)


def prove(
    model: Model, given: inputs.Given, hide: Iterable[str] | None = None, context: bytes | str = b"", commit: Iterable[str] = ()
) -> Receipt:
    """The same as `model.prove`."""
    return model.prove(given, hide=hide, context=context, commit=commit)
