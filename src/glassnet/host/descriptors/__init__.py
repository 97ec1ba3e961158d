"""File numbers of virtual hosts: what is open, what is ready, and waiting for it."""
