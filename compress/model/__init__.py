"""The compressed model in integers, and its file."""
