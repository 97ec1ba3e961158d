"""Threads of programs on virtual hosts: starting, locks, thread-local data."""
