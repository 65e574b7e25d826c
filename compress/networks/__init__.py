"""Our network definitions, and what is read from a torch network: layers, folding, compaction."""
