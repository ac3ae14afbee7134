"""Picture files: listed, opened, decoded and resized."""
