"""TLS on hosts: OpenSSL's work on memory, with the reading, writing and waiting done here."""
