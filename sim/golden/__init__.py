"""The integer golden model."""
