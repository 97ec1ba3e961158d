"""Layer 2: Ethernet interfaces and switches."""
