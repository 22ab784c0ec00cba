"""Attention of ONNX and of com.microsoft, and rotary positions, as products and softmax."""
