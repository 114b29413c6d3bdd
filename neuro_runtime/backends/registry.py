"""Backends by name. Any entry point in the group is a backend; this package imports none of them."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from typing import cast

from dsf_common.errors import UserError
from dsf_common.suggestions import suggestion
from neuro_runtime.backends.base import Backend
from neuro_runtime.policy_files import PolicyFiles

GROUP = "decision_spikeformer.backends"
INSTALL = {
    "numba": "pip install 'decision-spikeformer[fast]'",
    "torch": "pip install 'decision-spikeformer[train]'",
    "snntorch": "pip install 'decision-spikeformer[train]'",
}


def backend_names() -> list[str]:
    """Names a ``--backend`` option takes."""
    return sorted({entry.name for entry in entry_points(group=GROUP)})


def open_backend(name: str, files: PolicyFiles) -> Backend:
    """Open a policy with the backend of that name: its entry point is a factory ``(PolicyFiles) -> Backend``.

    Raises
    ------
    UserError
        No such backend (with the nearest), a library it needs is not installed, or it cannot open the files.
    """
    return _load(_find(name))(files)


def _find(name: str) -> EntryPoint:
    names = backend_names()
    if not names:
        raise UserError("no backend is installed: install the package (`pip install -e .`), which registers them")
    if name not in names:
        raise UserError(f"no backend {name!r}: {suggestion(name, names)}")
    return next(iter(entry_points(group=GROUP, name=name)))


def _load(entry: EntryPoint) -> Callable[[PolicyFiles], Backend]:
    try:
        return cast(Callable[[PolicyFiles], Backend], entry.load())
    except ModuleNotFoundError as error:
        raise missing_library(f"backend {entry.name}", error) from error


def missing_library(what: str, error: ModuleNotFoundError) -> UserError:
    """Says what ``what`` needs, and how to get it."""
    library = (error.name or "").partition(".")[0]
    return UserError(f"{what} needs {library}, which is not installed: {INSTALL.get(library, 'install it')}")
