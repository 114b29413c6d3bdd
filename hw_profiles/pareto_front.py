"""Score against energy: what ``dsf-bench front`` measured of one task, as a file that a report draws."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from dsf_common.checksum import CHECKSUM, require_intact, with_checksum
from dsf_common.errors import UserError, first_line
from dsf_common.files import atomic_write, require_readable
from dsf_common.validation import first_problem
from dsf_common.versions import if_newer

FOLDER = Path(__file__).parent / "fronts"
FORMAT = "decision-spikeformer-front"
VERSION = 2
WITHOUT_SIZES = 1  # still read; its points differ in their price alone

STRICT = ConfigDict(extra="forbid", strict=True)
Count = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[int, Field(ge=1)]
DataKind = Literal["D4RL", "stand-in", "generated"]


@dataclass(frozen=True, config=STRICT)
class FrontPoint:
    """Policies of one size, trained at one price of their spikes: means over the front's seeds, of an average decision.

    Attributes
    ----------
    price
        Value of the front's ``option``.
    score
        Normalised, of the exported program: 0 a random policy, 100 the reference.
    standard_error
        The standard error of the score over seeds; one seed has none.
    synops
        Synaptic operations.
    energy_pj, events_pj
        Nominal energy by the front's profile, in pJ, whole and without what constant power takes.
    size
        The sizes in which the points differ, ``T 1, D 64``; empty where all have the same.
    """

    price: Count
    score: Finite
    standard_error: Count | None
    synops: Count
    energy_pj: Count
    events_pj: Count
    size: str = ""


@dataclass(frozen=True, config=STRICT)
class ParetoFront:
    """One task's policies between score and energy.

    Attributes
    ----------
    environment
        Its name.
    data
        The data that the policies were trained on; a stand-in's scores are no D4RL results.
    option
        The option of ``dsf-train`` in which the points differ.
    profile
        Name of the profile that priced the energy.
    model
        The trained model, in words.
    seeds, steps, episodes
        The trainings of a point, their steps, and the episodes of each seed's score.
    command
        The command that made it.
    points
        In the order of their sizes and prices.
    """

    environment: str
    data: DataKind
    option: str
    profile: str
    model: str
    seeds: Annotated[tuple[int, ...], Field(min_length=1)]
    steps: Positive
    episodes: Positive
    command: str
    points: Annotated[tuple[FrontPoint, ...], Field(min_length=1)]


def save_front(front: ParetoFront, path: Path) -> None:
    """Write a front as JSON."""
    document = with_checksum({"format": FORMAT, "version": VERSION, **asdict(front)})
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def load_front(path: Path) -> ParetoFront:
    """Read what :func:`save_front` wrote.

    Raises
    ------
    UserError
        There is no such file, it is no front or one of another version, or a value in it is missing or wrong.
    """
    require_readable(path, f"no front at {path}: give the .json that dsf-bench front wrote")
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path} is not readable JSON: {first_line(error)}") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise UserError(f"{path} is no front: give the .json that dsf-bench front wrote")
    version = document.get("version")
    if version not in (WITHOUT_SIZES, VERSION):
        raise UserError(
            f"{path} has version {version} and this one reads {WITHOUT_SIZES} to {VERSION}: run dsf-bench front again"
            f"{if_newer(version, VERSION)}"
        )
    content = {name: value for name, value in document.items() if name not in ("format", "version", CHECKSUM)}
    try:
        # As JSON: its lists are the tuples of the fields, and its types are checked strictly.
        front = TypeAdapter(ParetoFront).validate_json(json.dumps(content))
    except ValidationError as error:
        raise UserError(f"{path}: {first_problem(error)}; run dsf-bench front again") from error
    require_intact(document, str(path), "run dsf-bench front again")
    return front


def shipped_front(environment: str) -> ParetoFront | None:
    """The front that ships with the project for an environment, None where none does."""
    path = FOLDER / f"{environment}.json"
    return load_front(path) if path.is_file() else None
