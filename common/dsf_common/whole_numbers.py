"""The size of the whole numbers that people write."""

from __future__ import annotations


def beyond_64_bits(number: int) -> str | None:
    """What is wrong with a number that libraries, which count in 64 bits, cannot take; None where nothing is."""
    return f"{number} is too large: whole numbers are below 2^63" if abs(number) >= 2**63 else None
