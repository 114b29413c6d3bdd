"""The options that ``dsf-bench`` takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

from dsf_common.errors import UserError
from hw_profiles.main_profile import MAIN_PROFILE

PRICES = "0,0.01,0.03,0.1,0.3,1"


class Price(Enum):
    """The option of `dsf-train` that a front is drawn over."""

    energy_price = "energy_price"
    synop_price = "synop_price"


@dataclass
class BenchOptions:
    """The options that ``dsf-bench`` takes as ``key=value`` pairs."""

    datasets: str | None = field(
        default=None,
        metadata={"help": "folder of <D4RL name>*.hdf5, or of stand-ins such as pen-expert-standin.hdf5"},
    )
    envs: str | None = field(default=None, metadata={"help": "environments, with commas (default: the paper's for it)"})
    env: str | None = field(default=None, metadata={"help": "the environment of a front"})
    models: str | None = field(default=None, metadata={"help": "rows, with commas (default: all)"})
    price: Price = field(default=Price.energy_price, metadata={"help": "the price that a front varies, or synop_price"})
    prices: str = field(default=PRICES, metadata={"help": "the values of that price, with commas"})
    time_steps: str | None = field(
        default=None, metadata={"help": "T of a front's models, with commas: 1,2,4 (default: the recipe's alone)"}
    )
    blocks: str | None = field(default=None, metadata={"help": "L of a front's models, likewise"})
    embedding_size: str | None = field(default=None, metadata={"help": "D of a front's models, likewise"})
    profile: str = field(
        default=MAIN_PROFILE, metadata={"help": "prices a front's energy, in training and in the result"}
    )
    seeds: str = field(default="0,1,2", metadata={"help": "seeds, with commas"})
    steps: int | None = field(default=None, metadata={"help": "training steps (default: the recipe's)"})
    episodes: int = field(default=100, metadata={"help": "episodes at the last checkpoint"})
    name: str | None = field(default=None, metadata={"help": "begins the runs' names (default: the table's)"})
    runs: str = field(default="runs", metadata={"help": "folder of the runs"})
    fronts: str | None = field(
        default=None, metadata={"help": "folder of a front's <env>.json, for dsf-report --front (default: by the plot)"}
    )
    output: str = field(default="results.md", metadata={"help": "Markdown file; plots lie beside it"})
    workers: int = field(default=0, metadata={"help": "runs at once; 1 needs no Ray; 0 is as many as there are cores"})
    cluster: str | None = field(default=None, metadata={"help": "address of a Ray cluster that shares runs="})

    def __post_init__(self) -> None:
        if self.episodes < 1:
            raise UserError(f"episodes={self.episodes} must be at least 1")
        if self.workers < 0:
            raise UserError(f"workers={self.workers} must be 0 or more")
        if self.workers and self.cluster is not None:
            raise UserError(f"workers={self.workers} are of this machine, and cluster= has its own: leave one out")


_FRONT_ALONE = ("price", "prices", "time_steps", "blocks", "embedding_size", "profile", "fronts")
_TABLES_ALONE = ("envs", "models")


def refuse_others(what: str, pairs: Sequence[str]) -> None:
    """Refuse options that mean nothing to ``scores``, ``ablations`` or ``front``.

    Raises
    ------
    UserError
        There is one.
    """
    others, owner = (_TABLES_ALONE, "scores and ablations") if what == "front" else (_FRONT_ALONE, "front")
    for pair in pairs:
        key = pair.partition("=")[0]
        if key == "env" and what != "front":
            raise UserError(f"{pair} is of front; name the environments of {what} by envs{pair.removeprefix('env')}")
        if key in others:
            raise UserError(f"{key}= is of {owner}, not of {what}: leave it out")
