"""Names and addresses on virtual hosts: the tables, and `getaddrinfo` with its relatives."""
