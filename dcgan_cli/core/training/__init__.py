"""The training loop: setup, resuming, epochs, scores, checkpoints."""
