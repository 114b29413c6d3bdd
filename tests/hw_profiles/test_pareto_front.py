"""Fronts on disk, those that ship, and where a report says that a run lies on one."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dsf_common.checksum import CHECKSUM, with_checksum
from dsf_common.errors import UserError
from hw_profiles.command_report import main
from hw_profiles.loader import profile_names
from hw_profiles.pareto_front import FOLDER, FrontPoint, ParetoFront, load_front, save_front, shipped_front
from hw_profiles.report.pareto_front_answer import front_answer
from support.saved_run import write_saved_run
from support.spoiled_files import Spoil, empty, gone, random_bytes, truncated
from tests.hw_profiles.report.report_doubles import made_up_front, made_up_report

Change = Callable[[dict[str, Any]], object]
MADE_OF_132_SYNOPS = ["--profile", "cmos45-paper"]


def of_pendulum(**changes: Any) -> ParetoFront:
    """A front that a saved run lies in: that one scores 50 for 132 synops."""
    return dataclasses.replace(made_up_front(), environment="pendulum", profile="cmos45-paper", **changes)


def test_a_front_is_read_as_it_was_written(tmp_path: Path) -> None:
    for front in (made_up_front(), of_pendulum(seeds=(3,), points=(FrontPoint(0.5, -3.25, None, 0.0, 2.0, 1.0),))):
        save_front(front, tmp_path / "fronts" / "front.json")
        assert load_front(tmp_path / "fronts" / "front.json") == front


def test_those_that_ship_say_what_they_are() -> None:
    names = sorted(path.stem for path in FOLDER.glob("*.json"))
    stand_ins = {"pen-e", "door-e", "hammer-e", "relocate-e", "hopper-m-e", "walker2d-m-e", "halfcheetah-m-e"}
    assert {"pendulum", "t-maze-30", *stand_ins} == set(names)
    for name in names:
        front = shipped_front(name)
        assert front is not None
        assert front.environment == name
        assert front.profile in profile_names()
        assert front.data == ("stand-in" if name in stand_ins else "generated")
        assert len(front.points) >= 3
        assert front.command.startswith("dsf-bench front ")
        assert f" env={name} " in front.command
        assert "/" not in front.command
    assert shipped_front("antmaze-u") is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda front: front.pop("profile"), "profile is missing"),
        (lambda front: front.update(version=3), "has version 3 and this one reads 1 to 2"),
        (lambda front: front.update(format="other"), "is no front"),
        (lambda front: front.update(points=[]), "points is []"),
        (lambda front: front.update(data="invented"), "data is 'invented'"),
        (lambda front: front.update(colour="red"), "colour is 'red': unexpected keyword argument"),
        (lambda front: front["points"][1].update(synops=-1), "points.1.synops is -1"),
        (lambda front: front["points"][1].update(score="high"), "points.1.score is 'high'"),
        (lambda front: front["points"][0].update(energy_pj=float("nan")), "points.0.energy_pj is nan"),
        (lambda front: front.update(steps=0), "steps is 0"),
    ],
)
def test_a_wrong_value_is_named(change: Change, message: str, tmp_path: Path) -> None:
    path = tmp_path / "front.json"
    save_front(made_up_front(), path)
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))
    with pytest.raises(UserError) as refused:
        load_front(path)
    assert str(refused.value).startswith(str(path))
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("spoil", [empty, gone, random_bytes, truncated])
def test_a_damaged_file_ends_with_status_2_and_one_line(
    spoil: Spoil, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, path = write_saved_run(tmp_path / "run"), tmp_path / "front.json"
    save_front(of_pendulum(), path)
    spoil(path)
    assert main([str(run), *MADE_OF_132_SYNOPS, "--front", str(path)]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert str(path) in line


def report_with(front: ParetoFront, folder: Path, *arguments: str) -> dict[str, Any]:
    """The report of a saved run with a front."""
    run = write_saved_run(folder / "run")
    save_front(front, folder / "front.json")
    assert main([str(run), "--front", str(folder / "front.json"), *arguments]) == 0
    document: dict[str, Any] = json.loads((run / "report.json").read_text())["front"]
    return document


def test_a_run_is_marked_by_the_fronts_profile(tmp_path: Path) -> None:
    for chosen in ("cmos45-paper", "cmos45-int8"):  # the second is not the front's
        found = report_with(of_pendulum(), tmp_path, "--profile", chosen)
        events = 132 * 0.9 + 10 * 4.6
        assert found["own"]["events_pj"] == pytest.approx(events) == found["own"]["energy_pj"]
        assert found["own"]["synops"] == 132
        assert found["verdict"] == "This run scores 50.0 for 165 pJ; no point of the front scores as much for less."
        assert "stand-in data, so these are no D4RL results: seeds 0, 1, 4,000 steps" in found["about"]
        assert [point["price"] for point in found["front"]["points"]] == [0.0, 0.1, 1.0]


def test_constant_power_is_left_out_of_a_marked_runs_events(tmp_path: Path) -> None:
    front = dataclasses.replace(of_pendulum(), profile="loihi1-davies2018")
    own = report_with(front, tmp_path, "--profile", "loihi1-davies2018")["own"]
    assert 0 < own["events_pj"] < own["energy_pj"] / 10


def test_points_that_do_as_well_for_less_are_named(tmp_path: Path) -> None:
    points = (
        FrontPoint(0.0, 49.9, None, 50.0, 60.0, 50.0),
        FrontPoint(0.2, 50.0, None, 40.0, 50.0, 40.0),
        FrontPoint(0.4, 55.0, None, 60.0, 99.0, 50.0, "T 1"),
        FrontPoint(0.5, 99.0, None, 999.0, 999.0, 90.0, "T 2"),
    )
    taken = "This run scores 50.0 for 165 pJ; "
    for chosen, verdict in (
        (points, "2 of 4 points score at least as much for less, the cheapest (energy_price=0.2) 50.0 for 50 pJ."),
        (
            points[2:],
            "one point scores at least as much for less, the cheapest (T 1, energy_price=0.4) 55.0 for 99 pJ.",
        ),
    ):
        found = report_with(of_pendulum(points=chosen), tmp_path, *MADE_OF_132_SYNOPS)
        assert found["verdict"] == taken + verdict


def test_a_front_of_an_earlier_release_has_points_of_one_size(tmp_path: Path) -> None:
    points = tuple(dataclasses.replace(point, size="") for point in made_up_front().points)
    path, front = tmp_path / "front.json", of_pendulum(points=points)
    save_front(front, path)
    document = json.loads(path.read_text())
    document["version"] = 1
    for point in document["points"]:
        del point["size"]
    path.write_text(json.dumps(with_checksum({key: value for key, value in document.items() if key != CHECKSUM})))
    assert load_front(path) == front


def test_a_run_that_the_profile_cannot_price_is_not_marked(tmp_path: Path) -> None:
    found = report_with(dataclasses.replace(of_pendulum(), profile="mine"), tmp_path, *MADE_OF_132_SYNOPS)
    assert found["own"] is None
    assert found["verdict"] == "This run is not marked: its front is by mine; give that file as --profile too"
    refused = made_up_report().profiles[1].layouts[1]
    answer = front_answer(made_up_front(), refused, made_up_report().task.score, 1.0)
    assert answer.own is None
    assert "9,999 neurons a core" in answer.verdict


def test_a_front_of_another_task_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = write_saved_run(tmp_path / "run")
    save_front(made_up_front(), tmp_path / "front.json")
    assert main([str(run), *MADE_OF_132_SYNOPS, "--front", str(tmp_path / "front.json")]) == 2
    assert "the front is of pen-e and the run of pendulum" in capsys.readouterr().err


def test_a_task_without_a_front_has_none_in_its_report(tmp_path: Path) -> None:
    run = write_saved_run(tmp_path / "run", environment="antmaze-u")
    assert main([str(run), *MADE_OF_132_SYNOPS]) == 0
    assert json.loads((run / "report.json").read_text())["front"] is None
    assert "dsf-bench front env=antmaze-u" in (run / "report.html").read_text()
