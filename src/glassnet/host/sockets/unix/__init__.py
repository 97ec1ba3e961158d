"""AF_UNIX sockets: programs of one host talk to each other, as unix(7) has it."""
