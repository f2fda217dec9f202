"""Count models: co-occurrence, PPMI, SVD."""
