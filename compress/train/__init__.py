"""Epochs, checkpoints, several processes."""
