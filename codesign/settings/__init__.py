"""What a run file says: its sections, their checks, and what follows from them."""
