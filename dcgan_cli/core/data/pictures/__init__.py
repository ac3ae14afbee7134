"""Picture files: listing, decoding and preprocessing."""
