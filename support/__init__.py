"""Helpers that tests and benchmarks share: untrained policies, reference models, small inputs, timing.

The repository's root is on their path, so they import it as ``support.…``; the wheel does not hold it.
"""
