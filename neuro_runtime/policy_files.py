"""Where a policy's files are: the shipped ones by name, any other by path."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dsf_common.errors import UserError
from dsf_common.suggestions import suggestion

PRETRAINED = Path(__file__).parent / "pretrained"
PROGRAM_SUFFIX = ".dsf.h5"
MODEL_SUFFIX = ".pt"
NETWORK_SUFFIXES = (".nir", ".net")


@dataclass(frozen=True)
class PolicyFiles:
    """The files of one policy; a backend takes the one it can run.

    Attributes
    ----------
    name
        That of a shipped policy, else the path the user gave.
    model
        ``model.pt``, for backends that run the trained model.
    program
        ``*.dsf.h5``, for backends that run the exported program.
    """

    name: str
    model: Path | None
    program: Path | None

    def need_model(self) -> Path:
        """The model file, or a :class:`UserError` that says it is missing."""
        if self.model is None:
            raise UserError(f"policy {self.name} has no trained model ({MODEL_SUFFIX}), which this backend runs")
        return self.model

    def need_program(self) -> Path:
        """The program file, or a :class:`UserError` that says how to make one."""
        if self.program is None:
            source = self.model or f"model{MODEL_SUFFIX}"
            raise UserError(
                f"policy {self.name} has no program ({PROGRAM_SUFFIX}), which every backend but torch runs, and onnx "
                f"as a graph that it makes of it: make one with `dsf-export {source} --target lava`, "
                "or run the model with --backend torch"
            )
        return self.program


def shipped_policies() -> list[str]:
    """Names of the pretrained policies: that of an environment, or one that begins with it where there are more."""
    return sorted(folder.name for folder in PRETRAINED.glob("*") if _holds_policy(folder))


def shipped_policy(environment: str) -> PolicyFiles:
    """The pretrained policy that has its environment's name.

    Raises
    ------
    UserError
        None ships for it.
    """
    shipped = shipped_policies()
    if environment not in shipped:
        raise UserError(
            f"no policy ships for {environment} (those that ship: {', '.join(shipped) or 'none'}): "
            f"train one with `dsf-train env={environment}` and give policy=FILE"
        )
    return _in_folder(PRETRAINED / environment, environment)


def find_policy(name_or_path: str | Path) -> PolicyFiles:
    """The files behind a shipped policy's name, a ``.pt`` or ``.dsf.h5`` file, or a folder with either or both.

    Raises
    ------
    UserError
        Nothing is there, the file is of another kind, or a folder holds none or several of one kind.
    """
    if not isinstance(name_or_path, str | Path) or not str(name_or_path):
        raise UserError(f"a policy is a shipped one's name, a file or a folder, not {name_or_path!r}")
    name = str(name_or_path)
    if name in shipped_policies():
        return shipped_policy(name)
    path = Path(name_or_path).expanduser()
    if path.is_dir():
        return _in_folder(path, name)
    if not path.exists():
        raise UserError(_not_found(name))
    if path.name.endswith(PROGRAM_SUFFIX):
        return PolicyFiles(name, model=None, program=path)
    if path.suffix == MODEL_SUFFIX:
        return PolicyFiles(name, model=path, program=None)
    if path.suffix in NETWORK_SUFFIXES:
        raise UserError(
            f"{name} is no program: make one with `dsf-export {name} --target lava`, or, if it is a network of another "
            "framework, give it samples by input=FILE.npz"
        )
    raise UserError(f"{name} is not a policy: give a {MODEL_SUFFIX} model, a {PROGRAM_SUFFIX} program or their folder")


def _holds_policy(folder: Path) -> bool:
    return any(folder.glob(f"*{PROGRAM_SUFFIX}")) or any(folder.glob(f"*{MODEL_SUFFIX}"))


def _in_folder(folder: Path, name: str) -> PolicyFiles:
    files = PolicyFiles(name, model=_only(folder, MODEL_SUFFIX), program=_only(folder, PROGRAM_SUFFIX))
    if files.model is None and files.program is None:
        raise UserError(f"folder {name} holds no policy: neither a {MODEL_SUFFIX} model nor a {PROGRAM_SUFFIX} program")
    return files


def _only(folder: Path, suffix: str) -> Path | None:
    found = sorted(path for path in folder.glob(f"*{suffix}") if not path.name.startswith("."))
    preferred = [path for path in found if path.name in (f"model{MODEL_SUFFIX}", f"program{PROGRAM_SUFFIX}")]
    if len(found) > 1 and not preferred:
        names = ", ".join(path.name for path in found)
        raise UserError(f"folder {folder} holds several {suffix} files ({names}): name the one you mean")
    return next(iter(preferred or found), None)


def _not_found(name: str) -> str:
    return f"no policy {name!r}, neither a file, a folder nor a shipped policy: {suggestion(name, shipped_policies())}"
