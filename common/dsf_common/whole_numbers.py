"""The size of the whole numbers that people write."""

from __future__ import annotations


def beyond_64_bits(number: int) -> str | None:
    """The sentence that refuses a number beyond 64 bits, in which libraries count; None for any other."""
    return f"{number} is too large: whole numbers are below 2^63" if abs(number) >= 2**63 else None
