"""The page holds every figure of its document in text, nothing from outside, and nothing unescaped."""

from __future__ import annotations

import dataclasses
import json
import re
from html.parser import HTMLParser
from typing import Any

import altair as alt
import pytest

from hw_profiles.report.charts.stages import LEAST_SPAN, stages_chart
from hw_profiles.report.document.ranges import Interval
from hw_profiles.report.document.run import ReportedStage, ReportedStages
from hw_profiles.report.families import COLOURS, FAMILIES, OTHER, family_of
from hw_profiles.report.page_charts import charts_of
from hw_profiles.report.page_writer import page_text
from hw_profiles.report.units import decimal_text, energy_text, number_text, percent_text, time_text
from tests.hw_profiles.report.report_doubles import made_up_report

MOST_BYTES = 6_000_000


class Page(HTMLParser):
    """Elements with their attributes, visible text, and elements left open."""

    VOID = ("meta", "link", "input", "br")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(text)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] not in ("script", "style"):
            self.text += data

    def having(self, attribute: str) -> list[str]:
        """Values of an attribute, wherever it stands."""
        return [str(attributes[attribute]) for _, attributes in self.elements if attribute in attributes]


@pytest.fixture(scope="module")
def source() -> str:
    return page_text(made_up_report())


def test_how_the_policy_was_trained_stands_under_its_task(page: Page) -> None:
    words = " ".join(page.text.split())
    assert "Actions of −0.6 … 0.6, 0 … 3 in the environment's unit, observations clipped at 10 deviations" in words
    assert "returns divided by 1000, reward paid with the last step of an episode" in words


@pytest.fixture(scope="module")
def page(source: str) -> Page:
    return Page(source)


def test_nothing_is_loaded_from_outside(source: str, page: Page) -> None:
    assert len(source.encode()) < MOST_BYTES
    assert page.having("src") == []
    assert [link for link in page.having("href") if not link.startswith(("#", "data:"))] == []
    policy = next(content for content in page.having("content") if "default-src" in content)
    assert "default-src 'none'" in policy
    assert "connect-src" not in policy  # so what default-src says holds: nothing


def test_every_chart_of_the_page_has_its_specification_and_the_other_way_round(source: str, page: Page) -> None:
    text = re.search(r'<script type="application/json" id="charts">(.*?)</script>', source, re.S)
    assert text is not None
    charts = json.loads(text.group(1))
    assert set(page.having("data-chart")) == set(charts)
    assert len(charts) == len(page.having("data-chart"))


def test_every_chart_has_a_name_for_those_who_cannot_see_it(page: Page) -> None:
    for _, attributes in page.elements:
        if "data-chart" in attributes:
            assert attributes["role"] == "img"
            assert attributes["aria-label"]


def test_headings_follow_one_another_and_name_their_sections(page: Page) -> None:
    headings = [tag for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert headings[0] == "h1"
    assert set(headings[1:]) == {"h2"}
    identifiers = page.having("id")
    assert len(set(identifiers)) == len(identifiers)
    for names in (*page.having("aria-labelledby"), *page.having("for")):
        assert names in identifiers


def test_every_line_of_every_account_is_in_the_text(page: Page) -> None:
    for answer in made_up_report().profiles:
        for layout in answer.layouts:
            assert layout.verdict in page.text
            for line in layout.energy.lines if layout.energy else ():
                assert energy_text(line.energy.nominal) in page.text
                assert line.grade in page.text
            if layout.refusal:
                assert layout.refusal in page.text
    for item in made_up_report().assumptions:
        assert item.source in page.text


def test_what_arrives_stands_beside_the_chip_s_integers(page: Page) -> None:
    section = " ".join(page.text.split()).partition("The chip's integers")[2].partition("The newest token")[0]
    arithmetic = made_up_report().profiles[0].arithmetic
    assert arithmetic is not None
    for words in (arithmetic.sentence, *arithmetic.departures, "Bits left of 21, proven", "only a chip can tell"):
        assert words in section
    for row in ("block0.mlp.hidden 40,000 35,123 −0.3 −0.1", "action 8,192 not counted 2.0"):
        assert row.replace(" ", "") in section.replace(" ", "")
    assert "it has no integers of its own" in section


def test_text_of_a_run_is_never_markup() -> None:
    hostile = "<script>alert(1)</script>"
    report = made_up_report()
    task = dataclasses.replace(report.task, policy=hostile, environment=hostile)
    source = page_text(dataclasses.replace(report, task=task, title=hostile, command=hostile, notes=(hostile,)))
    assert hostile not in source
    assert source.count("&lt;script&gt;alert(1)&lt;/script&gt;") == 5


def test_a_report_with_little_in_it_is_a_page_too() -> None:
    report = made_up_report()
    bare = dataclasses.replace(
        report,
        main_profile="paper",
        profiles=report.profiles[2:],
        baselines=(),
        raster=None,
        stages=None,
        front=None,
        spikes_per_synapse=None,
        break_even=(),
        anchors=(),
        assumptions=(),
    )
    page = Page(page_text(bare))
    assert "Not measured" in page.text
    assert "No front of this task has been measured: dsf-bench front env=pen-e makes one" in page.text
    assert {key.partition("/")[0] for key in charts_of(bare)} == {"rates", "profiles", "stack", "terms"}


def test_every_chart_is_valid_vega_lite() -> None:
    for specification in charts_of(made_up_report()).values():
        alt.Chart.from_dict(specification)  # raises a SchemaValidationError


def test_a_small_change_looks_small_and_one_episode_shows_no_interval() -> None:
    scores = [Interval(mean, None, None) for mean in (95.0, 96.7)]
    chart = stages_chart(ReportedStages(tuple(ReportedStage("s", "ran", score) for score in scores), None, None))
    x = chart["layer"][1]["encoding"]["x"]
    low, high = x["scale"]["domain"]
    assert (low, high) == pytest.approx((95.85 - LEAST_SPAN / 2, 95.85 + LEAST_SPAN / 2))
    assert x["title"] == "normalised score"


def test_charts_say_what_the_document_says() -> None:
    report = made_up_report()
    charts = charts_of(report)
    account = report.profiles[0].layouts[0].energy
    assert account is not None
    bars, bands = (values(charts["layers/chip-a/stream"], layer) for layer in (0, 1))
    for layer in account.layers[:-1]:
        drawn = sum(row["energy"] for row in bars if row["layer"] == layer.name)
        assert drawn == pytest.approx(layer.energy.nominal / 1e3)  # in nJ
        (band,) = (row for row in bands if row["layer"] == layer.name)
        assert (band["low"], band["high"]) == pytest.approx((layer.energy.low / 1e3, layer.energy.high / 1e3))
    assert report.raster is not None
    spikes = values(charts["raster"], 1)
    assert len(spikes) == len(report.raster.rows)
    assert all(row["layer"] == report.raster.layers[int(row["y"])].name for row in spikes)


def test_the_front_shows_its_points_and_the_run() -> None:
    report = made_up_report()
    rows = values(charts_of(report)["front"], 1)
    assert [(row["kind"], row["price"], row["score"], row["energy"]) for row in rows] == [
        ("the front", "0", 112.0, pytest.approx(65)),  # in µJ
        ("the front", "0.1", 113.5, pytest.approx(64)),
        ("the front", "T 1, 1", 71.0, pytest.approx(63)),
        ("this run", "this run", 117.2, pytest.approx(70)),
    ]
    assert [(row["low"], row["high"]) for row in rows[2:]] == [(65.0, 77.0), (96.5, 137.9)]
    assert report.front is not None
    without = dataclasses.replace(report, front=dataclasses.replace(report.front, own=None))
    assert {row["kind"] for row in values(charts_of(without)["front"], 1)} == {"the front"}
    text = " ".join(Page(page_text(without)).text.split())
    assert "this run" not in text.partition("The front, as a table")[2].partition("Made by")[0]
    table = " ".join(Page(page_text(report)).text.split()).partition("The front, as a table")[2].partition("Made")[0]
    for figure in (
        "0.1 113.5 2.0 21,000 1.1 µJ 64 µJ",
        "T 1, 1 71.0 6.0",
        "this run 117.2 96.5 … 137.9 52,000 1.9 µJ 70 µJ",
    ):
        assert figure.replace(" ", "") in table.replace(" ", "")


def values(chart: dict[str, Any], layer: int) -> list[dict[str, Any]]:
    """The rows that one layer of a chart draws."""
    data = chart["layer"][layer].get("data", chart.get("data"))
    rows: list[dict[str, Any]] = data["values"] if "values" in data else chart["datasets"][data["name"]]
    return rows


@pytest.mark.parametrize(
    ("term", "family"),
    [
        ("synaptic operations", "synapses"),
        ("neuron updates, idle", "neurons"),
        ("spikes out", "routing"),
        ("hops, east-west", "routing"),
        ("barriers", "barrier"),
        ("static power × time", "static power"),
        ("host power × time", "host"),
        ("host multiply-accumulates", "host"),
        ("reading weights", "memory"),
        ("something new", OTHER),
    ],
)
def test_terms_have_families(term: str, family: str) -> None:
    assert family_of(term) == family
    assert set(COLOURS) == {*FAMILIES, OTHER}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (time_text(0.0166), "16.6 ns"),
        (time_text(16.65), "16.6 µs"),
        (time_text(2345), "2.35 ms"),
        (number_text(0), "0"),
        (number_text(12.345), "12.3"),
        (number_text(1234.5), "1,234"),
        (percent_text(0.0123), "1.23 %"),
        (decimal_text(-0.84), "−0.8"),
        (decimal_text(0.84, signed=True), "+0.8"),
    ],
)
def test_quantities_read_in_the_unit_that_fits(text: str, expected: str) -> None:
    assert text == expected
