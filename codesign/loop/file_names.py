"""Files of a run that several stages know; apart, so that no stage depends on another's source for a name."""

__all__ = ["ARRAY", "MODEL", "NETWORK", "PRUNED", "QUANTIZED"]

NETWORK = "network.safetensors"
PRUNED = "pruned.safetensors"
QUANTIZED = "quantized.safetensors"
MODEL = "model.safetensors"
ARRAY = "array"
"""The folder of the Verilog."""
