"""Operators of the domain com.microsoft, which onnxruntime's optimisers and quantisers write, as ONNX's own."""
