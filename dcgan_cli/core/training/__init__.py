"""The training loop, with what it needs before, within and after each epoch."""
