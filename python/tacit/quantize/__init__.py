"""Quantisation: from observed ranges to fixed-point exponents."""

from tacit.quantize.scales import InputScale, Scales, quantize

__all__ = ["InputScale", "Scales", "quantize"]
