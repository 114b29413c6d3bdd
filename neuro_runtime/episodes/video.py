"""A film of a run, frame by frame to a file."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, SupportsFloat

import gymnasium
import numpy as np
from numpy.typing import NDArray

from dsf_common.errors import UserError, first_line
from dsf_common.files import atomic_write

LIBRARIES = {".mp4": ("imageio", "imageio_ffmpeg"), ".gif": ("imageio",)}
INSTALL = "pip install 'decision-spikeformer[video]'"
DEFAULT_FRAME_RATE = 30


def render_without_display() -> None:
    """Let MuJoCo draw without a screen. Call it before anything imports mujoco; a user's own choice stands."""
    if sys.platform == "linux":
        os.environ.setdefault("MUJOCO_GL", "egl")


def check_video(path: Path) -> None:
    """Refuse a film that cannot be made, before a run begins.

    Raises
    ------
    UserError
        The suffix is neither ``.mp4`` nor ``.gif``, or a library of the ``video`` extra is not installed.
    """
    if path.suffix not in LIBRARIES:
        raise UserError(f"cannot film to {path}: the name must end in {' or '.join(LIBRARIES)}")
    for library in LIBRARIES[path.suffix]:
        if find_spec(library) is None:
            raise UserError(f"filming to {path.suffix} needs {library}, which is not installed: {INSTALL}")


class Filmed(gymnasium.Wrapper[Any, Any, Any, Any]):
    """An environment that shows every state it comes to.

    Parameters
    ----------
    environment
        Made with ``render_mode="rgb_array"``.
    show
        Takes each picture, shape (height, width, 3), uint8.
    """

    def __init__(self, environment: gymnasium.Env[Any, Any], show: Callable[[NDArray[np.uint8]], None]) -> None:
        super().__init__(environment)
        self._show = show

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin an episode, and show it."""
        result = self.env.reset(seed=seed, options=options)
        self._show(_picture(self.env))
        return result

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        """Act, and show what came of it."""
        result = self.env.step(action)
        self._show(_picture(self.env))
        return result


@contextmanager
def film(path: Path, environment: gymnasium.Env[Any, Any]) -> Iterator[Filmed]:
    """Yield the environment with a camera on it; the film is complete after the block, and there is none if it raises.

    Raises
    ------
    UserError
        See :func:`check_video`; or the environment cannot draw here.
    """
    check_video(path)
    import imageio.v2

    frame_rate = environment.metadata.get("render_fps", DEFAULT_FRAME_RATE)
    with atomic_write(path) as temporary:
        writer: Any = imageio.v2.get_writer(temporary, **_options(path, frame_rate))
        with writer:
            yield Filmed(environment, writer.append_data)


def _options(path: Path, frame_rate: float) -> dict[str, Any]:
    if path.suffix == ".gif":
        return {"duration": 1000 / frame_rate, "loop": 0}  # ms a frame; for ever
    return {"fps": frame_rate, "macro_block_size": 2}  # the codec wants even sides, not the default multiple of 16


def _picture(environment: gymnasium.Env[Any, Any]) -> NDArray[np.uint8]:
    """The environment's picture, shape (height, width, 3)."""
    try:
        with warnings.catch_warnings():  # the sentence below says it
            warnings.simplefilter("ignore")
            frame = environment.render()
    except Exception as error:  # a missing pygame, EGL or display raises whatever the renderer chooses
        raise UserError(f"the environment cannot be drawn here: {first_line(error)}") from error
    return np.asarray(frame, dtype=np.uint8)
