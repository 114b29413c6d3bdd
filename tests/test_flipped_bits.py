"""One bit of a file of ours is flipped: the file is refused, or says what it said before."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

from dsf_common.checksum import content_checksum
from dsf_common.errors import UserError
from dsf_export.command_export import main as dsf_export
from dsf_export.targets import nir
from dsf_models.checkpoint import load_model_file
from dsf_train.bench.front import Measure
from dsf_train.bench.outcome import outcome_of
from dsf_train.bench.program_measurement import Measurement
from dsf_train.command_train import main as dsf_train
from dsf_train.datasets.columns import open_columns, write_columns
from dsf_train.datasets.demonstrations import record_demonstrations
from dsf_train.run_options import training_config
from dsf_train.training_state import make_optimiser, restore_checkpoint
from hw_profiles.network_file import load_network
from hw_profiles.pareto_front import load_front, save_front
from hw_profiles.raster_file import load_raster
from hw_profiles.run_record import load_record
from neuro_runtime.command_run import main as dsf_run
from neuro_runtime.environments import load_environment_spec
from neuro_runtime.program.storage import load_program, program_hash
from support.small_datasets import read_d4rl
from tests.hw_profiles.report.report_doubles import made_up_front

FLIPS = 40  # of each kind of file
RUN = ["env=pendulum", "name=one", "steps=1", "final_episodes=1", "dataset=pendulum.hdf5", "model.embedding_size=8"]
PRICES = "loihi1-davies2018"


def model(path: Path) -> object:
    policy = load_model_file(path)
    weights = {name: tensor.numpy() for name, tensor in policy.model.state_dict().items()}
    return repr((policy.model.config, policy.configuration, policy.environment, policy.return_target)), weights


def checkpoint(path: Path) -> object:
    config = training_config(RUN)
    network = load_model_file(path.parent / "runs/pendulum/one/model.pt").model
    optimiser = make_optimiser(network, config)
    step = restore_checkpoint(path, network, optimiser)
    weights = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
    moments = [list(state.values()) for state in optimiser.state_dict()["state"].values()]
    return step, weights, [[value.numpy() for value in values] for values in moments]


def metrics(path: Path) -> object:
    shutil.copy(path, path.parent / "runs/pendulum/one/metrics.jsonl")
    outcome = outcome_of(training_config(RUN))
    return None if outcome is None else outcome.score


def measurement(path: Path) -> object:
    shutil.copy(path, path.parent / f"runs/pendulum/one/measured-{PRICES}.json")
    return repr(Measure(PRICES).result(training_config(RUN)))


def program(path: Path) -> object:
    return program_hash(load_program(path))


def nir_program(path: Path) -> object:
    return program_hash(nir.read(path))


def network(path: Path) -> object:
    read = load_network(path)
    arrays = [[getattr(item.synapses, name) for name in ("source_index", "delay")] for item in read.projections]
    return repr(dataclasses.replace(read, projections=())), arrays


def raster(path: Path) -> object:
    read = load_raster(path)
    return read.seed, read.decision, {name: spikes.astype(np.uint8) for name, spikes in read.spikes.items()}


def hdf5(path: Path) -> object:
    """As any reader sees it."""
    found: dict[str, Any] = {}
    with h5py.File(path) as file:
        file.visititems(lambda name, item: found.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)
        return dict(file.attrs), found


def episodes(path: Path) -> object:
    try:
        return [[one.observations, one.actions, one.rewards] for one in read_d4rl(path, 200)]
    finally:
        assert path.exists()


def columns(path: Path) -> object:
    """The columns with one of their files in another's place."""
    shutil.copy(path, path.parent / "columns" / "actions.npy")
    read = open_columns(path.parent / "columns")
    return [read.observations, read.actions, read.returns_to_go, read.ends, read.state_moments]


READERS: dict[str, Callable[[Path], object]] = {
    "model.pt": model,
    "checkpoint.pt": checkpoint,
    "metrics.jsonl": metrics,
    "measured.json": measurement,
    "front.json": lambda path: repr(load_front(path)),
    "run.json": lambda path: repr(load_record(path)),
    "network.h5": network,
    "raster.h5": raster,
    "trace.h5": hdf5,
    "pendulum.hdf5": episodes,
    "actions.npy": columns,
    "program.dsf.h5": program,
    "program.nir": nir_program,
}


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One file of every kind, as the commands write them."""
    folder = tmp_path_factory.mktemp("good")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        spec = load_environment_spec("pendulum")
        record_demonstrations(spec, Path("pendulum.hdf5"), episodes=3, seed=0)
        assert dsf_train(RUN) == 0
        run = Path("runs/pendulum/one")
        for name in ("model.pt", "checkpoint.pt", "metrics.jsonl"):
            shutil.copy(run / name, name)
        for target, output in (("lava", "program.dsf.h5"), ("nir", "program.nir")):
            arguments = ["model.pt", "--target", target, "--decisions", "2", "--output", output]
            assert dsf_export([*arguments, "--passes", "none"]) == 0  # of an untrained policy a lean one has no layer
        assert dsf_run(["--backend", "interpreter", "policy=program.dsf.h5", "out=run"]) == 0
        for name in ("run.json", "network.h5", "raster.h5", "trace.h5"):
            shutil.copy(Path("run") / name, name)
        save_front(made_up_front(), Path("front.json"))
        write_columns(Path("columns"), read_d4rl(Path("pendulum.hdf5"), spec.time_limit))
        shutil.copy("columns/actions.npy", "actions.npy")
        config, measured = training_config(RUN), Measurement(1.5, 20.0, 300.0, 40.0)
        with patch.context() as instead:
            instead.setattr("dsf_train.bench.front.measure_program", lambda *_: measured)
            Measure(PRICES)(config)
        shutil.copy(run / f"measured-{PRICES}.json", "measured.json")
    return folder


@pytest.mark.parametrize("name", READERS)
def test_no_flipped_bit_is_another_meaning(
    good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    shutil.copytree(good, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    path, read = tmp_path / name, READERS[name]
    whole, meaning = path.read_bytes(), content_checksum(plain(read(path)))
    generator, refused = np.random.default_rng(len(name)), 0
    places = np.flatnonzero(np.frombuffer(whole, np.uint8))  # HDF5 leaves much space, which means nothing
    for _ in range(FLIPS):
        damaged = bytearray(whole)
        damaged[generator.choice(places)] ^= 1 << int(generator.integers(8))
        path.write_bytes(damaged)
        try:
            assert content_checksum(plain(read(path))) == meaning
        except UserError:
            refused += 1
        except (OSError, RuntimeError):
            assert read is hdf5  # no reader of ours, which has sentences
            refused += 1
    assert refused


def plain(value: Any) -> Any:
    """Nested values that have a checksum."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value if isinstance(value, np.ndarray) and value.dtype.kind in "fiub" else repr(value)


def test_a_checksum_tells_contents_apart() -> None:
    """Nesting, types, names and shapes count; the order of names, and lists against tuples, do not."""
    contents = [1, 1.0, True, "1", None, [1], [[1]], [1, 1], {"1": 1}, {"1": [1]}, {"a": 1, "b": 2}, {"ab": 12}]
    arrays = [np.zeros(4, np.float32), np.zeros((2, 2), np.float32), np.zeros(2), np.zeros(4, np.int32)]
    assert len({content_checksum(content) for content in [*contents, *arrays]}) == len(contents) + len(arrays)
    assert content_checksum({"a": 1, "b": (2,)}) == content_checksum({"b": [2], "a": 1})
    with pytest.raises(TypeError, match="a set has no checksum"):
        content_checksum({1, 2})


def test_a_newer_release_is_not_called_damage(good: Path, tmp_path: Path) -> None:
    document = json.loads((good / "run.json").read_text())
    (tmp_path / "run.json").write_text(json.dumps({**document, "format": 99}))
    with pytest.raises(UserError, match="made by a newer release") as refused:
        load_record(tmp_path / "run.json")
    assert "damaged" not in str(refused.value)
