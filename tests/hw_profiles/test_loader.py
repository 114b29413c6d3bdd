"""Shipped profiles load; a profile that breaks the schema is refused with the key and the reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from hw_profiles.errors import UserError
from hw_profiles.loader import load_profile, profile_names
from hw_profiles.profile import Figure, Grade

GOOD = """\
schema: 1
name: chip
title: a chip
energy:
  synops: {value: 2.0, low: 1, high: 3.5, unit: pJ, grade: measured, source: "a paper, table 1"}
power:
  static: {value: 4, unit: mW, grade: datasheet, source: "a vendor"}
step_time: {value: 10, unit: us, grade: inferred, source: "arithmetic"}
not_counted: [routing]
"""


def write(folder: Path, text: str, name: str = "chip.yaml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_every_shipped_profile_loads_under_its_own_name() -> None:
    assert {"cmos45-paper", "loihi1-davies2018"} <= set(profile_names())
    assert [load_profile(name).name for name in profile_names()] == profile_names()


def test_a_profile_of_ones_own_loads_from_its_file(tmp_path: Path) -> None:
    profile = load_profile(write(tmp_path, GOOD))
    assert profile.energy.synops == Figure(2.0, "pJ", Grade.measured, "a paper, table 1", low=1.0, high=3.5)
    assert profile.energy.spikes is None
    assert profile.not_counted == ("routing",)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("schema: 1", "schema: 2", "schema is 2, this version reads 1"),
        ("schema: 1\n", "", "schema is missing"),
        ("name: chip", "name: ship", "the file is called 'chip'"),
        ("title: a chip", "title: 3", "title must be str, got 3"),
        ("title: a chip", "titel: a chip", "unknown key 'titel'; did you mean title?"),
        ("  synops:", "  synop:", "energy: unknown key 'synop'; did you mean synops?"),
        (', source: "a paper, table 1"', "", "energy.synops: source is missing"),
        ('"a paper, table 1"', '" "', "energy.synops: source is empty"),
        ("grade: measured", "grade: mesured", "energy.synops.grade is 'mesured'; did you mean measured?"),
        ("value: 2.0", "value: two", "energy.synops.value must be float, got 'two'"),
        ("value: 2.0", "value: true", "energy.synops.value must be float, got True"),
        ("value: 2.0", "value: -2.0", "must be finite and not negative"),
        ("value: 2.0", "value: .nan", "must be finite and not negative"),
        ("low: 1,", "low: 3,", "value 2.0 lies outside its band"),
        ("unit: pJ", "unit: nJ", "energy.synops.unit is 'nJ'; it must be 'pJ'"),
        ("unit: mW", "unit: W", "power.static.unit is 'W'; it must be 'mW'"),
        ("unit: us", "unit: ms", "step_time.unit is 'ms'; it must be 'us'"),
        ("[routing]", "routing", "not_counted must be a list of strings"),
        ("[routing]", "[1]", "not_counted must be a list of strings"),
        ("step_time: {value: 10", "# {", "power and step_time belong together"),
        ("energy:", "energy: 3\nx:", "unknown key 'x'"),
        ("schema: 1", "schema: [", "not a readable YAML file"),
        (GOOD, "3", "expected keys and values, got 3"),
    ],
)
def test_a_broken_profile_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in GOOD
    path = write(tmp_path, GOOD.replace(old, new))
    with pytest.raises(UserError) as refused:
        load_profile(path)
    assert message in str(refused.value)
    assert str(path) in str(refused.value)


def test_an_unknown_name_brings_the_nearest() -> None:
    with pytest.raises(UserError, match="did you mean loihi1-davies2018"):
        load_profile("loihi1-davis2018")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no profile file"):
        load_profile(tmp_path / "none.yaml")


def test_a_binary_file_is_not_yaml(tmp_path: Path) -> None:
    (tmp_path / "chip.yaml").write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(UserError, match="not a readable YAML file"):
        load_profile(tmp_path / "chip.yaml")
