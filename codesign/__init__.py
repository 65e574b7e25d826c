"""The loop over the other four packages, its command line and its reports."""
