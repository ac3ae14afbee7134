"""Images and labels in `.npz`, `.npy` and IDX files."""
