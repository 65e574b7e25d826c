"""What everybody stands on: errors, files, progress."""
