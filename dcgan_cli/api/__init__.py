"""The Python API: the commands as functions that leave the process unchanged."""
