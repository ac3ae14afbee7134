"""Compare runs: groups by settings with seeds together, a verdict, the effect of each setting."""
