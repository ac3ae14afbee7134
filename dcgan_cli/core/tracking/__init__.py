"""Trackers: show the metrics and grids of a run in TensorBoard, Weights & Biases and the like."""
