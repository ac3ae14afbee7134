"""Generate images with a trained generator: grids, latent walks, animations."""
