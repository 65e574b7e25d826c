"""Recipes from a trained network to a pruned, quantized one, and its conversion to integers."""
