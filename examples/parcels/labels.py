"""Numbers on parcels."""


def label(number):
    return f"P-{number:04}"
