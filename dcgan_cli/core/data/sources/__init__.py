"""The kinds of data that `data=NAME` chooses, a module each.

Each module registers a function of the settings and a split. It imports what it needs inside: the
names must be known before anything is read.
"""
