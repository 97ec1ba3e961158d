"""What bytes mean: one file per header format, no behaviour, no state."""
