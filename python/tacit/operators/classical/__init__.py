"""Operators of the domain ai.onnx.ml: what fitted estimators export to."""
