"""Files of a run that several stages know; apart, so that no stage depends on another's source for a name."""

__all__ = ["ARCHIVE", "ARRAY", "MODEL", "NETWORK", "PRUNED", "PRUNED_MODEL", "QUANTIZED"]

NETWORK = "network.safetensors"
PRUNED = "pruned.safetensors"
QUANTIZED = "quantized.safetensors"
MODEL = "model.safetensors"
ARCHIVE = "model.packed"
"""The same model in the fewest bytes."""
PRUNED_MODEL = "pruned_model.safetensors"
"""The pruned network's weights on 8-bit levels, untrained: what pruning alone costs."""
ARRAY = "array"
"""The folder of the Verilog."""
