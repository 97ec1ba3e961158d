"""Layer 4: ports, UDP and TCP."""
