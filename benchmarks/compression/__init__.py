"""What pruning and quantization reach."""
