"""compile(receipts=): smaller receipts at lower rates, in both modes, for both verifiers."""

from __future__ import annotations

import numpy as np
import pytest

import tacit
from reference import verifier as reference
from small_models import dense_model
from tacit.arithmetize import receipts_of

SAMPLES = np.random.default_rng(0).standard_normal((4, 200)).astype(np.float32)


@pytest.mark.parametrize("openings", [0, 20])
def test_small_receipts_are_smaller_and_verify(openings):
    sizes, bound = {}, b"small"
    for receipts in ("quick", "small"):
        model = tacit.compile(dense_model((200, 300, 10)), SAMPLES, openings=openings, receipts=receipts)
        receipt = model.prove(SAMPLES[0], context=bound)
        tacit.verify(receipt, model.key, context=bound)
        reference.verify(receipt.to_bytes(), model.key.to_bytes(), bound)
        with pytest.raises(tacit.InvalidReceipt):
            tacit.verify(receipt, model.key, context=b"other")
        rates = model.parameters.log_inverse_rates
        assert list(rates) == sorted(rates) and model.report.bits >= 128
        assert receipts_of(model.circuit, model.openings) == receipts
        sizes[receipts] = len(receipt.to_bytes())
    assert sizes["small"] < 0.95 * sizes["quick"]


def test_other_words_are_refused():
    with pytest.raises(tacit.ModelError, match="receipts='tiny' is unknown; use one of quick, small"):
        tacit.compile(dense_model((200, 300, 10)), SAMPLES, receipts="tiny")
