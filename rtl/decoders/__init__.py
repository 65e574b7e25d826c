"""Index decoders: weight bank words in, one level and its position a cycle out."""
