"""Layer 3: IPv4 and IPv6, neighbours, routes, fragments, ICMP."""
