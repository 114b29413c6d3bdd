"""Pickles, which are never loaded: they can run anything. Decision Transformer's datasets are such files."""

from __future__ import annotations

from pathlib import Path

from dsf_common.errors import UserError

_SUFFIXES = (".pkl", ".pickle", ".p", ".joblib")
_FIRST_BYTE = b"\x80"  # of protocol 2 and later, with the protocol's number after it


def is_pickle(path: Path) -> bool:
    """Whether a file is one, by its first bytes or its name."""
    with path.open("rb") as file:
        start = file.read(2)
    return (start[:1] == _FIRST_BYTE and start[1:] <= b"\x05") or path.suffix in _SUFFIXES


def refused_pickle(path: Path) -> UserError:
    """The refusal of a pickle, with how Decision Transformer's list of trajectories becomes a file that is read."""
    return UserError(
        f"{path} is a pickle, which can run anything once it is loaded, so it is not; where you trust it, load it "
        "yourself and write the observations, actions, rewards and terminals of its trajectories one after another to "
        "HDF5, with timeouts that are 1 at each one's last step (docs/data.md has the lines)"
    )
