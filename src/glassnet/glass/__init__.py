"""Seeing: captures and ladders."""
