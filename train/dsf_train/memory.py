"""Keeping what a training step frees for the next one, which asks for the same again."""

from __future__ import annotations

import ctypes
import platform

# Parameters of glibc's mallopt (malloc.h), and a size that no step reaches.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_NEVER = 2**30


def keep_freed_memory() -> None:
    """Let the process keep the memory that it frees, where its C library is glibc, until it ends.

    Left to itself glibc gives a step's large tensors back to the system, which clears every page anew: some thousand
    page faults a step.
    """
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(_MMAP_THRESHOLD, _NEVER)
        libc.mallopt(_TRIM_THRESHOLD, _NEVER)
