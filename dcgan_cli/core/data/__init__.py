"""Training images: loading, checking and preprocessing."""
