"""ONNX's own node cases against the integer model: `make conformance`."""
