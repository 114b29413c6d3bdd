"""The file that an export begins with."""

from __future__ import annotations

from pathlib import Path

from dsf_common.errors import UserError


def source_file(path: Path) -> Path:
    """``path`` itself, or the trained policy in the run folder ``path``.

    Raises
    ------
    UserError
        There is no such file.
    """
    source = path / "model.pt" if path.is_dir() else path
    if not source.is_file():
        raise UserError(
            f"there is no {source}: pass a model.pt, the folder of a run, a program (.dsf.h5, .nir, .onnx), or a "
            "network of another framework (.nir, .net)"
        )
    return source
