"""Network -> pruned, quantized integer layers: ADMM in PyTorch, and the file the other packages read."""
