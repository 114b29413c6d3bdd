"""The page of profiles says what the files say."""

from __future__ import annotations

from pathlib import Path

import pytest

from hw_profiles.loader import profile_names
from hw_profiles.profile_documentation import DOCUMENT, documentation, main


def test_the_page_is_what_the_profiles_say() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == documentation(), (
        "docs/profiles.md is stale: run python -m hw_profiles.profile_documentation"
    )


def test_every_profile_has_a_section_and_every_figure_of_loihi_a_row() -> None:
    page = documentation()
    assert all(f"\n## {name}\n" in page for name in profile_names())
    assert "| `energy.synop` | 23.6 |  | pJ | simulated | Davies et al." in page
    assert "| `power.static_per_chip` | 257 | 232 … 282 | mW | measured |" in page


def test_the_command_writes_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "profiles.md"
    monkeypatch.setattr("hw_profiles.profile_documentation.DOCUMENT", target)
    assert main() == 0
    assert target.read_text(encoding="utf-8") == documentation()


def test_an_installed_package_has_no_page_to_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("hw_profiles.profile_documentation.DOCUMENT", tmp_path / "none" / "profiles.md")
    assert main() == 2
    assert "run this in a clone of the repository" in capsys.readouterr().err
