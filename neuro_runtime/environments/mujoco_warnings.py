"""MuJoCo's warnings as this package's log: left alone, MuJoCo writes them to a file in the working directory."""

from __future__ import annotations

import logging
import sys
from functools import cache

_log = logging.getLogger(__name__)


def log_mujoco_warnings() -> None:
    """Log what MuJoCo, where it has been imported, warns of, each sentence once; a user's own handler stays."""
    mujoco = sys.modules.get("mujoco")
    if mujoco is not None and mujoco.get_mju_user_warning() is None:
        mujoco.set_mju_user_warning(_tell)


@cache
def _tell(warning: str) -> None:
    """Deprecations concern the author of an environment, so they are shown to nobody else."""
    _log.log(logging.DEBUG if "deprecated" in warning else logging.WARNING, "MuJoCo: %s", warning)
