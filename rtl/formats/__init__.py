"""Index formats of the weight banks and their decoders."""
