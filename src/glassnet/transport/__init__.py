"""Layer 4: UDP and TCP."""
