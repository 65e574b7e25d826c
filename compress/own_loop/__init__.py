"""Pruning and quantization inside a training loop of the user's own."""
