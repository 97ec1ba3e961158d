"""The command line."""

from glassnet.cli.command import app, main

__all__ = ["app", "main"]
