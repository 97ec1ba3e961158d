"""The BSD socket API on virtual hosts: the Python class, the functions, and what each kind of socket does."""
