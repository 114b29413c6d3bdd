"""Backends by name. Any entry point in the group is a backend; this package imports none of them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from typing import cast

from dsf_common.errors import UserError
from dsf_common.extras import missing_library
from dsf_common.suggestions import suggestion
from neuro_runtime.backends.base import Backend
from neuro_runtime.backends.names import GROUP, LAVAS, backend_names
from neuro_runtime.policy_files import PolicyFiles
from neuro_runtime.simulators.lava.session import LAVA

COMPILED = "loihi-fast"
PLAIN = "interpreter"

_log = logging.getLogger(__name__)


def default_backend() -> str:
    """Lava's simulator where it is installed; else the same arithmetic compiled, or plain, and it is said which."""
    try:
        LAVA.find_python()
        return LAVAS
    except UserError as problem:
        instead = COMPILED if find_spec("numba") else PLAIN
        _log.warning("%s; %s runs the policy, spike for spike the same", problem, instead)
        return instead


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
        raise UserError(f"no backend {name!r}: {suggestion(str(name), names)}")
    return next(iter(entry_points(group=GROUP, name=name)))


def _load(entry: EntryPoint) -> Callable[[PolicyFiles], Backend]:
    try:
        return cast(Callable[[PolicyFiles], Backend], entry.load())
    except ModuleNotFoundError as error:
        raise missing_library(f"backend {entry.name}", error) from error
