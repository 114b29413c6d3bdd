"""Where a dataset is: given, in D4RL's cache, in Minari's, made here, or to be downloaded."""

from __future__ import annotations

import logging
import os
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from hw_profiles.errors import UserError
from neuro_runtime.environments import EnvironmentSpec
from neuro_runtime.files import atomic_write
from train.datasets.pendulum import EPISODES, SEED, generate_pendulum

D4RL_SERVER = "http://rail.eecs.berkeley.edu/datasets/offline_rl"
DOWNLOAD_TIMEOUT_S = 20
CHUNK_BYTES = 1 << 20

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class DatasetLocation:
    """Files (D4RL's layout) or folders (Minari's) that together are a dataset."""

    kind: str  # "file", "d4rl", "minari" or "generated"
    paths: tuple[Path, ...]


def cache_folder() -> Path:
    """This project's own cache, ``$DSF_CACHE``."""
    return Path(os.environ.get("DSF_CACHE", "~/.cache/decision-spikeformer")).expanduser()


def d4rl_folder() -> Path:
    """D4RL's cache, ``$D4RL_DATASET_DIR``."""
    return Path(os.environ.get("D4RL_DATASET_DIR", "~/.d4rl/datasets")).expanduser()


def minari_folder() -> Path:
    """Minari's, ``$MINARI_DATASETS_PATH``."""
    return Path(os.environ.get("MINARI_DATASETS_PATH", "~/.minari/datasets")).expanduser()


def find_dataset(spec: EnvironmentSpec, dataset: Path | None = None) -> DatasetLocation | None:
    """The dataset of ``spec`` on this machine, or None. ``dataset`` names a file or a Minari folder instead."""
    if dataset is not None:
        return DatasetLocation("minari" if dataset.is_dir() else "file", (dataset,))
    if spec.generated:
        path = _generated(spec)
        return DatasetLocation("generated", (path,)) if path.is_file() else None
    files = tuple(d4rl_folder() / name for name in spec.d4rl_files)
    if files and all(path.is_file() for path in files):
        return DatasetLocation("d4rl", files)
    joined = _medium_expert_parts(spec)
    if joined and all(path.is_file() for path in joined):
        return DatasetLocation("d4rl", joined)
    folders = tuple(minari_folder() / name for name in spec.minari_datasets)
    if folders and all((path / "data" / "main_data.hdf5").is_file() for path in folders):
        return DatasetLocation("minari", folders)
    return None


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
        path = _generated(spec)
        _log.info("recording the %s dataset, %s", spec.name, path)
        generate_pendulum(spec, path)
        return DatasetLocation("generated", (path,))
    return DatasetLocation("d4rl", tuple(_download(spec, name) for name in spec.d4rl_files))


def _generated(spec: EnvironmentSpec) -> Path:
    return cache_folder() / "datasets" / f"{spec.name}-{EPISODES}-episodes-seed-{SEED}-v1.hdf5"


def _medium_expert_parts(spec: EnvironmentSpec) -> tuple[Path, ...]:
    """A medium-expert dataset is D4RL's medium and expert ones, one after the other."""
    return tuple(
        d4rl_folder() / name.replace("medium_expert", part)
        for name in spec.d4rl_files
        if "medium_expert" in name
        for part in ("medium", "expert")
    )


def d4rl_address(spec: EnvironmentSpec, file_name: str) -> str:
    """Where D4RL keeps a file."""
    if spec.name.startswith("antmaze"):
        return f"{D4RL_SERVER}/ant_maze_v2/{file_name}"
    suite = "hand_dapg_v1" if "-v1" in file_name else "gym_mujoco_v2"
    stored = file_name.removesuffix(".hdf5")
    if suite == "hand_dapg_v1":
        stored = stored.removesuffix("-v1").replace("human", "demos_clipped").replace("expert", "expert_clipped")
        stored = stored.replace("cloned", "demos-v0-bc-combined")
    return f"{D4RL_SERVER}/{suite}/{stored}.hdf5"


def _download(spec: EnvironmentSpec, file_name: str) -> Path:
    path, address = d4rl_folder() / file_name, d4rl_address(spec, file_name)
    try:
        with (
            urllib.request.urlopen(address, timeout=DOWNLOAD_TIMEOUT_S) as response,
            atomic_write(path) as temporary,
            temporary.open("wb") as file,
            tqdm(
                total=int(response.headers.get("Content-Length", 0)), unit="B", unit_scale=True, desc=file_name
            ) as bar,
        ):
            while chunk := response.read(CHUNK_BYTES):
                file.write(chunk)
                bar.update(len(chunk))
    except (urllib.error.URLError, OSError) as problem:
        raise UserError(
            f"the dataset of {spec.name} is not on this machine and cannot be downloaded ({problem}); put {file_name} "
            f"into {d4rl_folder()}, or pass dataset=FILE"
        ) from problem
    return path
