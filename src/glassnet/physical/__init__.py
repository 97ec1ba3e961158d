"""Layer 1: cables and what they do to frames."""
