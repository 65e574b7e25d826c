"""ADMM: split variables, the iteration, schedules, sensitivity (002 section 4)."""
