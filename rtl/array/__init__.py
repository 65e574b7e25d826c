"""The PE array and its blocks."""
