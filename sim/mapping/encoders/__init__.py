"""The encoder of each index format."""
