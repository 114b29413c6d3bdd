"""The extra of this package that a missing library comes with."""

from __future__ import annotations

from dsf_common.errors import UserError

EXTRAS = {
    "torch": "train",
    "snntorch": "train",
    "tensorboard": "train",
    "numba": "fast",
    "nir": "export",
    "onnx": "onnx",
    "onnxruntime": "onnx",
    "matplotlib": "train",
    "altair": "report",
    "jinja2": "report",
    "vl_convert": "report",
    "mujoco": "envs",
    "gymnasium_robotics": "envs",
    "imageio": "video",
    "imageio_ffmpeg": "video",
    "ray": "cluster",
    "minari": "minari",
    "sklearn": "baselines",
    "structlog": "baselines",
    "dataclasses_json": "baselines",
    "gym": "gym",
    "shimmy": "gym",
}
OF_COMMANDS = {"dsf-export": "export", "dsf-train": "train", "dsf-bench": "train"}  # which need it whatever is missing
OF_CHOICES = {"onnx", "baselines"}  # extras that a command needs for one of its choices, besides its own


def brings(error: ModuleNotFoundError) -> bool:
    """Whether an extra brings what is missing; else it is a module of the caller's own."""
    return _library(error) in EXTRAS


def missing_library(what: str, error: ModuleNotFoundError) -> UserError:
    """The sentence that says which library ``what`` needs, and how to get it."""
    library = _library(error)
    extra = EXTRAS.get(library)
    if extra not in OF_CHOICES:
        extra = OF_COMMANDS.get(what, extra)
    how = "install it" if extra is None else f"pip install 'decision-spikeformer[{extra}]'"
    return UserError(f"{what} needs {library}, which is not installed: {how}")


def _library(error: ModuleNotFoundError) -> str:
    return (error.name or "").partition(".")[0]
