"""Benchmarks that compare alternatives side by side on one machine."""
