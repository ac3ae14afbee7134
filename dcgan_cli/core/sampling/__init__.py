"""Images from a trained generator: grids, walks, animations."""
