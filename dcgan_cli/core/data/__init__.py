"""Training images: found, checked, and brought to one size and mode."""
