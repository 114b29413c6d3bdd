"""Every link and every command's module that a page names is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
PAGES = [
    *sorted(REPOSITORY.glob("*.md")),
    *sorted(REPOSITORY.glob("docs/*.md")),
    *sorted(REPOSITORY.glob("neuro_runtime/pretrained/*/card.md")),
]
LINK = re.compile(r"\]\((?!https?://)([^)#\s]*)(?:#([^)\s]+))?\)")
MODULE = re.compile(r"python -m ((?:benchmarks|tests|dsf_|neuro_runtime|hw_profiles)[\w.]*)|-m (dsf_[\w.]+)")
FOLDERS = (".", "train", "export", "common")


def name_of(page: Path) -> str:
    return str(page.relative_to(REPOSITORY))


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as hosts of Markdown make them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    for target, anchor in LINK.findall(page.read_text(encoding="utf-8")):
        file = page.parent / target if target else page
        assert file.exists(), f"{target} is not there"
        if anchor:
            assert anchor in anchors(file), f"{file.name} has no heading {anchor}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_name_modules_that_exist(page: Path) -> None:
    for names in MODULE.findall(page.read_text(encoding="utf-8")):
        path = Path(*"".join(names).split(".")).with_suffix(".py")
        assert any((REPOSITORY / folder / path).is_file() for folder in FOLDERS), f"{path} is not there"
