"""The version of glassnet, apart from everything that could import it."""

__version__ = "0.1.0"
