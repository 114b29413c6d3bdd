"""Where a dataset is: given, in D4RL's cache, in Minari's, made here, or to be downloaded."""

from __future__ import annotations

import logging
import os
import re
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Literal

import h5py
from tqdm import tqdm

from dsf_common.errors import UserError
from dsf_common.files import atomic_write
from dsf_train.datasets.demonstrations import demonstrator_of, record_demonstrations
from dsf_train.datasets.minari import data_file
from dsf_train.datasets.minari_metadata import metadata_file
from neuro_runtime.environments import EnvironmentSpec

SEED = 0  # of generated datasets
D4RL_SERVER = "http://rail.eecs.berkeley.edu/datasets/offline_rl"
DOWNLOAD_TIMEOUT_S = 20
CHUNK_BYTES = 1 << 20
MINARI_ID = re.compile(r"[-\w]+(/[-\w]+)*-v\d+")  # (namespace/)name-v<version>

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class DatasetLocation:
    """Files or Minari's folders that together are a dataset, and where they were found."""

    kind: Literal["file", "d4rl", "minari", "generated"]
    paths: tuple[Path, ...]


def cache_folder() -> Path:
    """This project's own cache, ``$DSF_CACHE``."""
    return _folder("DSF_CACHE", "~/.cache/decision-spikeformer")


def d4rl_folder() -> Path:
    """D4RL's cache, ``$D4RL_DATASET_DIR``."""
    return _folder("D4RL_DATASET_DIR", "~/.d4rl/datasets")


def minari_folder() -> Path:
    """Minari's, ``$MINARI_DATASETS_PATH``."""
    return _folder("MINARI_DATASETS_PATH", "~/.minari/datasets")


def _folder(variable: str, default: str) -> Path:
    return Path(os.environ.get(variable) or default).expanduser()


def find_dataset(spec: EnvironmentSpec, dataset: Path | None = None) -> DatasetLocation | None:
    """The dataset of ``spec`` on this machine, or None; ``dataset`` names one instead (:func:`named_dataset`)."""
    if dataset is not None:
        return named_dataset(str(dataset))
    if spec.generated:
        path = generated_file(spec)
        return DatasetLocation("generated", (path,)) if path.is_file() else None
    for names in ((spec.d4rl_file,) if spec.d4rl_file else (), spec.d4rl_parts):
        files = tuple(map(_cached, names))
        if files and all(path.is_file() for path in files):
            return DatasetLocation("d4rl", files)
    folders = tuple(minari_folder() / name for name in spec.minari_datasets)
    if folders and all(map(_is_minari, folders)):
        return DatasetLocation("minari", folders)
    return None


def named_dataset(dataset: str) -> DatasetLocation:
    """The dataset that a user names: a file, a folder or id of Minari's, or several of them with commas between.

    Raises
    ------
    UserError
        There is no such file, folder or dataset on this machine; or a folder holds several.
    """
    if not dataset.strip():
        raise UserError("name a dataset: a file, a Minari folder or its id")
    whole = Path(dataset).expanduser()
    parts = [dataset] if whole.exists() or "," not in dataset else dataset.split(",")
    if not all(part.strip() for part in parts):
        raise UserError(f"dataset={dataset} lacks a name beside a comma")
    paths = tuple(_named(part.strip()) for part in parts)
    if len(set(map(os.path.realpath, paths))) < len(paths):
        raise UserError(f"dataset={dataset} names a file or folder twice: data repeated are no more data")
    return DatasetLocation("minari" if all(path.is_dir() for path in paths) else "file", paths)


def is_dataset(name: str) -> bool:
    """Whether ``name`` is a file or folder, or the id of a Minari dataset on this machine."""
    return Path(name).expanduser().exists() or bool(MINARI_ID.fullmatch(name) and (minari_folder() / name).is_dir())


def _named(part: str) -> Path:
    path = Path(part).expanduser()
    if not path.exists() and MINARI_ID.fullmatch(part):
        path = minari_folder() / part
        if not path.is_dir():
            raise UserError(
                f"there is no file {part}, and no Minari dataset of that id in {minari_folder()}; "
                f"`minari download {part}` fetches it (pip install 'minari[hf]')"
            )
    if not path.exists():
        raise UserError(f"there is no dataset {path}; `dsf-data list` shows what is here")
    inner = path.parent if path in (data_file(path.parent.parent), metadata_file(path.parent.parent)) else path
    if inner.name == "data" and _is_minari(inner.parent):
        return inner.parent
    if path.is_dir() and not _is_minari(path):
        found = [*path.glob("*/data/main_data.hdf5"), *path.glob("*/*/data/main_data.hdf5")]
        inside = sorted(str(file.parent.parent) for file in found)
        if inside:
            raise UserError(f"{path} holds several Minari datasets; name one of {', '.join(inside)}")
    return path


def _is_minari(folder: Path) -> bool:
    return data_file(folder).is_file() or metadata_file(folder).is_file()


def locate_dataset(spec: EnvironmentSpec, dataset: Path | None = None) -> DatasetLocation:
    """The dataset of ``spec``, made or downloaded if it is not here.

    Raises
    ------
    UserError
        It is not here and cannot be had; the sentence says what to do.
    """
    found = find_dataset(spec, dataset)
    if found:
        return found
    if spec.generated:
        path = generated_file(spec)
        _log.info("recording the %s dataset, %s", spec.name, path)
        record_demonstrations(spec, path, demonstrator_of(spec).episodes, SEED)
        return DatasetLocation("generated", (path,))
    if not spec.d4rl_file:
        raise UserError(f"no dataset of {spec.name} is on this machine and D4RL has none; pass dataset=FILE")
    return DatasetLocation("d4rl", (_download(spec),))


def generated_file(spec: EnvironmentSpec) -> Path:
    """Where the dataset is recorded; one of other options has another name."""
    demonstrator = demonstrator_of(spec)
    options = "".join(f"{key}-{value}-" for key, value in sorted(spec.options.items()))
    file = f"{spec.name}-{options}{demonstrator.episodes}-episodes-seed-{SEED}-v{demonstrator.version}.hdf5"
    return cache_folder() / "datasets" / file


def _cached(d4rl_file: str) -> Path:
    """Where D4RL keeps a file of its server."""
    return d4rl_folder() / Path(d4rl_file).name


def _download(spec: EnvironmentSpec) -> Path:
    path, address = _cached(spec.d4rl_file), f"{D4RL_SERVER}/{spec.d4rl_file}"
    try:
        with atomic_write(path) as temporary:
            _fetch(address, temporary)
    except (OSError, HTTPException, ValueError) as problem:
        raise UserError(
            f"the dataset of {spec.name} is not on this machine and cannot be downloaded ({problem}); "
            f"put {path.name} into {path.parent}{_minari_hint(spec)}, or pass dataset=FILE"
        ) from problem
    return path


def _minari_hint(spec: EnvironmentSpec) -> str:
    commands = [f"`minari download {name}`" for name in spec.minari_datasets]
    return f", run {' and '.join(commands)}" if commands else ""


def _fetch(address: str, destination: Path) -> None:
    """Download a file, with a progress bar; OSError if it does not come whole."""
    with urllib.request.urlopen(address, timeout=DOWNLOAD_TIMEOUT_S) as response, destination.open("wb") as file:
        expected = int(response.headers.get("Content-Length") or 0)
        with tqdm(total=expected or None, unit="B", unit_scale=True, desc=address.rpartition("/")[2]) as bar:
            while chunk := response.read(CHUNK_BYTES):
                file.write(chunk)
                bar.update(len(chunk))
    received = destination.stat().st_size
    if expected and received != expected:
        raise OSError(f"the connection ended after {received:,} of {expected:,} bytes")
    if not h5py.is_hdf5(destination):
        raise OSError(f"what {address} gave is no HDF5 file")
