"""Every setting of a training run: its type, range, default and meaning. Standard library only."""
