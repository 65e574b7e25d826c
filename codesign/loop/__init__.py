"""The co-design loop: settings, stages, results."""
