"""One training step of the two networks: losses, gradients, updates."""
