"""``dsf-report`` on a saved run, and on things that are none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hw_profiles.command_report import main

ACTIVITY = {
    "synops": 1000.0,
    "active_updates": 100.0,
    "idle_updates": 0.0,
    "spikes": 50.0,
    "time_steps": 4.0,
    "host_macs": 10.0,
}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "run.json").write_text(json.dumps({"activity": ACTIVITY}))
    return folder


def test_it_prints_the_lines_and_writes_the_report(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(run), "--profile", "cmos45-paper"]) == 0
    assert "946 pJ" in capsys.readouterr().out
    report = json.loads((run / "report.json").read_text())
    assert [estimate["total_pj"] for estimate in report["estimates"]] == pytest.approx([946.0])


def test_json_is_one_document_with_every_shipped_profile(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(run), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert {"cmos45-paper", "loihi1-davies2018"} <= {estimate["profile"] for estimate in document["estimates"]}


def test_list_names_the_profiles(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"]) == 0
    assert "loihi1-davies2018" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (None, "no run at"),
        ("{", "not readable JSON"),
        ("[1]", "not the record of a run"),
        ("{}", "has no activity"),
        (json.dumps({"activity": {**ACTIVITY, "synops": -1}}), "activity.synops must be a number"),
        (json.dumps({"activity": {**ACTIVITY, "spikes": "many"}}), "activity.spikes must be a number"),
        (json.dumps({"activity": {**ACTIVITY, "host_macs": float("nan")}}), "activity.host_macs must be a number"),
        (json.dumps({"activity": {"synops": 1}}), "activity.active_updates must be a number"),
    ],
)
def test_a_bad_run_ends_with_status_2_and_one_line(
    tmp_path: Path, record: str | None, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if record is not None:
        (tmp_path / "run.json").write_text(record)
    assert main([str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("dsf-report: error: ")
    assert message in error
    assert error.count("\n") == 1


def test_an_unknown_profile_ends_with_status_2(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(run), "--profile", "loihi9"]) == 2
    assert "no profile 'loihi9'" in capsys.readouterr().err


def test_no_run_at_all_ends_with_status_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "name a run" in capsys.readouterr().err
