"""Several accounts of one chip are set beside each other; other chips are left alone."""

from __future__ import annotations

from pathlib import Path

from hw_profiles.loader import load_profile
from hw_profiles.report.assemble import report_of
from hw_profiles.report.saved_run import load_run
from hw_profiles.run_record import record_path
from support.saved_run import write_saved_run


def notes(folder: Path, *names: str) -> list[str]:
    run = load_run(record_path(write_saved_run(folder / "run")))
    report = report_of(run, [load_profile(name) for name in names])
    return [note for note in report.notes if note.startswith("One chip by")]


def test_accounts_of_one_chip_lie_apart_by_their_events(tmp_path: Path) -> None:
    (note,) = notes(tmp_path, "loihi1-davies2018", "loihi2", "loihi1-sanafe", "cmos45-paper")
    assert note.startswith("One chip by 2 accounts, events alone: loihi1-davies2018 ")
    assert ", loihi1-sanafe " in note
    assert "times apart, most of it in messages out (" in note
    assert "They take a decision to last" in note


def test_measured_and_sanafe_differ_in_bands_and_constant_power_alone(tmp_path: Path) -> None:
    (note,) = notes(tmp_path, "loihi1-measured", "loihi1-sanafe")
    assert "1 times apart" in note


def test_one_account_of_a_chip_is_none_to_compare(tmp_path: Path) -> None:
    assert notes(tmp_path, "loihi1-measured", "loihi2", "truenorth") == []
