"""Run folders: settings, status, metrics, checkpoints, locks, sweeps."""
