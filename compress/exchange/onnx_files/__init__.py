"""ONNX and QONNX files: written from a compressed model, and read into one."""
