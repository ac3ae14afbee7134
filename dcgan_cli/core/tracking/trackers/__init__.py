"""One module for each tracker that `tracking=NAME` starts.

A module imports the tracker's library inside its functions.
"""
