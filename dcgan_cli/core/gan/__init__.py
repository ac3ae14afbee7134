"""One training step: losses, gradients, optimizer updates."""
