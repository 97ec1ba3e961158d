"""A host's operating system: processes, sockets, selectors, time, names."""
