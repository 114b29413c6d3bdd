"""The grids: which rows there are, and the training run behind each row, environment and seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dsf_common.comma_lists import names_of
from dsf_common.errors import UserError
from dsf_common.key_value_options import compose
from dsf_common.suggestions import suggestion
from dsf_models.configuration import ModelKind
from dsf_models.kind_settings import is_taken
from dsf_train.bench.data import Data, choose_data
from dsf_train.configuration import TrainConfig
from dsf_train.idle_options import why_idle
from dsf_train.run_options import recipe, training_config, unread_by
from neuro_runtime.environments import load_environment_spec

ALONE = "evaluate_every=0"  # a run's score is that of its end
WHOLE = ("model.window=1000", "model.streaming=false")  # every token of a context sees all before it, as published


@dataclass(frozen=True)
class Row:
    """One line of a table.

    Attributes
    ----------
    name
        On the command line, and in the names of its runs; rows of one name share them.
    title
        In the table.
    overrides
        Its changes of the environment's recipe.
    group
        The part of the table that it stands in.
    """

    name: str
    title: str
    overrides: tuple[str, ...]
    group: str = ""


SCORES = (
    Row("pssa", "DSFormer, PSSA", ("model.mixing=pssa",)),
    Row("tssa", "DSFormer, TSSA", ("model.mixing=tssa", *WHOLE)),
    Row("decision-transformer", "Decision Transformer", ("model.kind=decision-transformer",)),
    Row("decision-convformer", "Decision ConvFormer", ("model.kind=decision-convformer",)),
    Row("mlp", "behaviour cloning, MLP", ("model.kind=mlp",)),
    Row("spiking-mlp", "spiking MLP", ("model.kind=spiking-mlp",)),
    Row("cql", "CQL", ("model.kind=cql",)),
    Row("fcnet", "FCNet", ("model.kind=fcnet",)),
    Row("spikegpt", "SpikeGPT", ("model.kind=spikegpt",)),
    Row("spikebert", "SpikeBERT", ("model.kind=spikebert",)),
)
SCORE_ENVIRONMENTS = ("hopper-m-e", "hopper-m-r", "walker2d-m-e", "pen-e")


def _ablation(name: str, title: str, group: str, *changes: str) -> Row:
    """The DSFormer of the paper's choices, one of them changed."""
    paper = ("model.mixing=pssa", "model.norm=ptbn", "model.time_steps=4", "model.window=8")
    return Row(name, title, (*paper, *changes), group)


ABLATIONS = (
    _ablation("base", "PSSA", "token mixing"),
    _ablation("tssa", "TSSA", "token mixing", "model.mixing=tssa", *WHOLE),
    _ablation("sssa", "SSSA", "token mixing", "model.mixing=sssa", *WHOLE),
    _ablation("sdsa1", "SDSA-1, causalised", "token mixing", "model.mixing=sdsa1", *WHOLE),
    _ablation("sdsa3", "SDSA-3, causalised", "token mixing", "model.mixing=sdsa3", *WHOLE),
    _ablation("delay", "delay", "token mixing", "model.mixing=delay"),
    _ablation("delay-matrix", "delay-matrix", "token mixing", "model.mixing=delay-matrix"),
    _ablation("base", "PTBN", "norm"),
    _ablation("repbn", "PTBN with RepBN", "norm", "model.norm=repbn"),
    _ablation("tdbn", "tdBN", "norm", "model.norm=tdbn"),
    _ablation("tdln", "tdLN", "norm", "model.norm=tdln"),
    _ablation("no-norm", "none", "norm", "model.norm=none"),
    _ablation("t1", "T = 1", "time steps", "model.time_steps=1"),
    _ablation("t2", "T = 2", "time steps", "model.time_steps=2"),
    _ablation("base", "T = 4", "time steps"),
    _ablation("t8", "T = 8", "time steps", "model.time_steps=8"),
    _ablation("s1", "S = 1", "window", "model.window=1"),
    _ablation("s2", "S = 2", "window", "model.window=2"),
    _ablation("s4", "S = 4", "window", "model.window=4"),
    _ablation("base", "S = 8", "window"),
    _ablation("base", "DSFormer", "reward"),
    _ablation("delayed", "DSFormer, delayed reward", "reward", "delayed_reward=true"),
    Row("dt", "Decision Transformer", ("model.kind=decision-transformer",), "reward"),
    Row(
        "dt-delayed",
        "Decision Transformer, delayed reward",
        ("model.kind=decision-transformer", "delayed_reward=true"),
        "reward",
    ),
)
ABLATION_ENVIRONMENTS = ("hopper-m-e",)


@dataclass(frozen=True)
class Sweep:
    """The environments and seeds that a grid is crossed with.

    Attributes
    ----------
    name
        Begins the name of every run.
    datasets
        Folder to look for data in; None leaves it to `dsf-train`.
    overrides
        For all runs, before a row's own; an option that a row's kind does not take is left out there.
    """

    name: str
    environments: tuple[str, ...]
    seeds: tuple[int, ...]
    output: str
    datasets: Path | None
    overrides: tuple[str, ...]


@dataclass(frozen=True)
class Grid:
    """Rows, environments and seeds, and the run of each."""

    rows: tuple[Row, ...]
    data: dict[str, Data]  # by environment
    runs: dict[tuple[str, str], tuple[TrainConfig, ...]]  # by row's name and environment, one a seed

    def configs(self) -> list[TrainConfig]:
        """All runs, those of the first seed first, so that a table fills evenly."""
        each = zip(*self.runs.values(), strict=True)
        return [config for of_seed in each for config in of_seed]


def make_grid(rows: Sequence[Row], sweep: Sweep) -> Grid:
    """Every run of a sweep, checked.

    Raises
    ------
    UserError
        An environment or an option is unknown, an option is read by no run, a dataset is missing, or dimensions are
        impossible.
    """
    for name in sweep.environments:
        _ = load_environment_spec(name).default_target  # refused before the first run
    data = {name: choose_data(load_environment_spec(name), sweep.datasets) for name in sweep.environments}
    shared = {(row, name): _shared(row, name, sweep) for name in sweep.environments for row in rows}
    _require_each_read(shared, sweep)
    runs = {
        (row.name, name): tuple(_config(row, name, pairs, data[name], seed, sweep) for seed in sweep.seeds)
        for (row, name), pairs in shared.items()
    }
    return Grid(tuple(rows), data, runs)


def _shared(row: Row, environment: str, sweep: Sweep) -> list[str]:
    """The options for all runs that a row's read."""
    kind = compose(TrainConfig, [f"env={environment}", *row.overrides]).model.kind
    given = [pair for pair in sweep.overrides if _is_shared(pair, kind)]
    as_given = compose(TrainConfig, [*recipe(environment), ALONE, *given, *row.overrides, f"env={environment}"])
    return [pair for pair in given if why_idle(pair, as_given) is None]


def _require_each_read(shared: Mapping[tuple[Row, str], Sequence[str]], sweep: Sweep) -> None:
    """Refuse an option for all runs that none reads, or that says whose a run is."""
    for pair in sweep.overrides:
        key = pair.partition("=")[0]
        if key in ("env", "seed", "name", "output"):
            raise UserError(f"train.{key}= is each run's own: leave train.{pair} out")
        if not any(pair in pairs and not _changes(row, key) for (row, _), pairs in shared.items()):
            raise UserError(f"train.{pair} means nothing to any row, or each has its own: leave it out")


def _changes(row: Row, key: str) -> bool:
    return any(change.partition("=")[0] == key for change in row.overrides)


def _config(row: Row, environment: str, shared: Sequence[str], data: Data, seed: int, sweep: Sweep) -> TrainConfig:
    own = [f"name={sweep.name}-{row.name}-seed{seed}", f"seed={seed}", f"output={sweep.output}"]
    dataset = [] if data.path is None else [f"dataset={data.path}"]
    config = training_config([f"env={environment}", ALONE, *shared, *row.overrides, *dataset, *own])
    try:
        config.validate()
    except UserError as problem:
        raise UserError(f"{row.name} on {environment}: {problem}") from problem
    return config


def _is_shared(pair: str, kind: ModelKind) -> bool:
    """Whether an option for all runs goes to those of ``kind``; a value's loss has a learning rate of its own."""
    own = ("learning_rate",) if kind.learns_values else ()
    return is_taken(pair, kind) and pair.partition("=")[0] not in (*unread_by(kind), *own)


def chosen_rows(rows: Sequence[Row], names: str | None) -> tuple[Row, ...]:
    """The rows that a comma-separated list names; None means all.

    Raises
    ------
    UserError
        There is no row of a name, or one stands twice.
    """
    if names is None:
        return tuple(rows)
    wanted = names_of("models", names)
    known = [row.name for row in rows]
    for name in wanted:
        if name not in known:
            raise UserError(f"there is no row {name!r}: {suggestion(name, known)}")
    return tuple(row for row in rows if row.name in wanted)
