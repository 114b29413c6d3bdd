"""A policy is found by name or path, and everything that is none is refused in one sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dsf_common.errors import UserError
from neuro_runtime import policy_files
from neuro_runtime.policy_files import PolicyFiles, find_policy, shipped_policies, shipped_policy


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two shipped policies: pen-e whole, door-e with a program alone."""
    folder = tmp_path / "pretrained"
    for name in ("pen-e/model.pt", "pen-e/program.dsf.h5", "pen-e/card.md", "door-e/program.dsf.h5", "empty/card.md"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    monkeypatch.setattr(policy_files, "PRETRAINED", folder)
    return folder


def test_shipped_policies_are_those_with_files(shipped: Path) -> None:
    assert shipped_policies() == ["door-e", "pen-e"]


def test_a_shipped_policy_is_found_by_its_environment(shipped: Path) -> None:
    folder = shipped / "pen-e"
    assert find_policy("pen-e") == PolicyFiles("pen-e", folder / "model.pt", folder / "program.dsf.h5")


def test_a_file_is_a_policy_of_its_kind(tmp_path: Path) -> None:
    model, program = tmp_path / "any.pt", tmp_path / "any.dsf.h5"
    model.touch()
    program.touch()
    assert find_policy(model) == PolicyFiles(str(model), model, None)
    assert find_policy(program) == PolicyFiles(str(program), None, program)


def test_of_several_programs_the_one_with_the_usual_name_is_taken(tmp_path: Path) -> None:
    for name in ("program.dsf.h5", "other.dsf.h5", ".partial-1-program.dsf.h5"):
        (tmp_path / name).touch()
    assert find_policy(tmp_path).program == tmp_path / "program.dsf.h5"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "a policy is a shipped one's name, a file or a folder, not ''"),
        (None, "a policy is a shipped one's name, a file or a folder, not None"),
        ("pen-ee", "no policy 'pen-ee'.*did you mean pen-e"),
        ("nowhere/model.pt", "no policy 'nowhere/model.pt', neither a file, a folder nor a shipped policy"),
        ("notes.txt", "notes.txt is not a policy: give a .pt model, a .dsf.h5 program or their folder"),
        ("bare", "folder bare holds no policy"),
        ("two", "folder two holds several .pt files \\(a.pt, b.pt\\): name the one you mean"),
    ],
)
def test_what_is_no_policy_is_refused(shipped: Path, tmp_path: Path, name: Any, message: str) -> None:
    (tmp_path / "notes.txt").touch()
    (tmp_path / "bare").mkdir()
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "a.pt").touch()
    (tmp_path / "two" / "b.pt").touch()
    with pytest.raises(UserError, match=message):
        find_policy(name)


def test_an_environment_without_a_shipped_policy_says_how_to_get_one(shipped: Path) -> None:
    with pytest.raises(UserError, match=r"those that ship: door-e, pen-e.*dsf-train env=hopper-m"):
        shipped_policy("hopper-m")


def test_a_backend_that_needs_the_other_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has no trained model"):
        PolicyFiles("x", None, tmp_path).need_model()
    with pytest.raises(UserError, match=r"dsf-export m\.pt --target lava"):
        PolicyFiles("x", Path("m.pt"), None).need_program()
    with pytest.raises(UserError, match="every backend but torch runs, and onnx as a graph that it makes of it"):
        PolicyFiles("x", Path("m.pt"), None).need_program()
