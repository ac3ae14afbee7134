"""Run folders and what is in them: settings, status, metrics, checkpoints."""
