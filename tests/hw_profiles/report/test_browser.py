"""The page as a reader has it: it opens without a complaint or a request, its controls work, and it fits."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from hw_profiles.report.document.activity import Raster, RasterLayer
from hw_profiles.report.page_writer import page_text
from tests.hw_profiles.report.chromium import chromium
from tests.hw_profiles.report.report_doubles import made_up_report

pytestmark = pytest.mark.browser

Scheme = Literal["light", "dark"]
PHONE, DESK = (375, 800), (1280, 900)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(page_text(made_up_report()), encoding="utf-8")
    return path


def opened(browser: Browser, file: Path, size: tuple[int, int] = DESK, scheme: Scheme = "light") -> Page:
    """The page with its visible charts drawn; whatever the console or the network saw is an error."""
    page = browser.new_page(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: complaints.append(request.url) if request.url != file.as_uri() else None)
    page.goto(file.as_uri())
    drawn(page)
    assert [text for text in complaints if not text.startswith("data:")] == []
    return page


def drawn(page: Page) -> None:
    """Wait until every chart that can be seen is there."""
    page.wait_for_function(
        """() => [...document.querySelectorAll('.chart')].every(
            place => place.closest('[hidden]') || (place.dataset.drawn === 'done' && place.querySelector('svg')))"""
    )


def shown(page: Page, selector: str) -> list[str]:
    texts: list[str] = page.eval_on_selector_all(
        selector, "all => all.filter(one => one.checkVisibility()).map(one => one.innerText)"
    )
    return texts


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESK, PHONE])
def test_it_opens_and_fits(browser: Browser, file: Path, size: tuple[int, int], scheme: Scheme) -> None:
    page = opened(browser, file, size, scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    charts = page.locator(".chart:visible svg")
    assert charts.count() >= 9
    for chart in charts.all():
        box = chart.bounding_box()
        assert box is not None
        assert 0 < box["width"] <= size[0]
        assert box["height"] > 20
    page.close()


def test_dark_mode_is_dark_and_its_text_is_light(browser: Browser, file: Path) -> None:
    light, dark = (opened(browser, file, scheme=scheme) for scheme in ("light", "dark"))

    def brightness(page: Page, selector: str, what: str) -> float:
        colour = page.eval_on_selector(selector, f"one => getComputedStyle(one).{what}")
        channels = [float(part) for part in colour[colour.index("(") + 1 : -1].split(",")[:3]]
        return sum(channels) / 3

    for selector, what in (("p.verdict", "color"), (".role-axis-label text", "fill")):
        assert brightness(light, f".panel:not([hidden]) {selector}", what) < 90
        assert brightness(dark, f".panel:not([hidden]) {selector}", what) > 160
    assert brightness(light, "html", "backgroundColor") > 240
    assert brightness(dark, "html", "backgroundColor") < 40


def test_profile_and_layout_change_what_is_shown(browser: Browser, file: Path) -> None:
    page = opened(browser, file)
    energies = "dl.headline > div:nth-child(2) .nominal"
    (stream,) = shown(page, energies)
    page.get_by_label("Layout", exact=True).select_option("window")
    drawn(page)
    (window,) = shown(page, energies)
    assert stream != window
    assert shown(page, "p.verdict") == [made_up_report().profiles[0].layouts[1].verdict]
    page.get_by_label("Profile", exact=True).select_option("paper")
    drawn(page)
    assert shown(page, energies) == ["80 nJ"]
    assert page.get_by_label("Layout", exact=True).input_value() == "stream"  # the only one the convention has
    expect(page.locator("#layout option[value=window]")).to_be_disabled()
    assert "no cores to place" in " ".join(shown(page, "section p.about"))
    expect(page.get_by_role("status")).to_have_text("Showing The paper's convention, stream layout")
    page.close()


def test_a_layout_that_does_not_fit_says_why(browser: Browser, file: Path) -> None:
    page = opened(browser, file)
    page.get_by_label("Profile", exact=True).select_option("chip-b")
    page.get_by_label("Layout", exact=True).select_option("window")
    drawn(page)
    assert any("the limit is 1,024" in text for text in shown(page, "p.note"))
    page.close()


def test_the_mesh_is_coloured_by_choice(browser: Browser, file: Path) -> None:
    page = opened(browser, file)
    panel = page.locator(".panel:not([hidden])", has=page.locator(".choice"))
    assert "utilisation" in panel.locator("figcaption:visible").inner_text()
    panel.get_by_role("radio", name="traffic").check()
    drawn(page)
    assert "traffic" in panel.locator("figcaption:visible").inner_text()
    page.close()


def test_the_raster_names_every_layer(browser: Browser, tmp_path: Path) -> None:
    layers = tuple(RasterLayer(f"block{n}.mlp.hidden", False, 4 * n, 4) for n in range(20))
    raster = Raster(0, 7, 18, layers, rows=tuple(range(80)), steps=tuple(n % 18 for n in range(80)))
    file = tmp_path / "report.html"
    file.write_text(page_text(dataclasses.replace(made_up_report(), raster=raster)), encoding="utf-8")
    for size in (DESK, PHONE):
        page = opened(browser, file, size)
        texts = page.locator("[data-chart='raster'] .role-axis-label text").all_text_contents()
        assert [layer.name for layer in layers if layer.name not in texts] == []
        page.close()


def test_a_mark_under_the_pointer_says_its_figures(browser: Browser, file: Path) -> None:
    page = opened(browser, file)
    page.locator("[data-chart='terms/chip-a/stream'] .mark-symbol path").first.hover()
    expect(page.locator("#vg-tooltip-element")).to_contain_text("static power")
    expect(page.locator("#vg-tooltip-element")).to_contain_text("µJ")
    page.close()


def test_the_front_marks_the_run(browser: Browser, file: Path) -> None:
    looks: tuple[tuple[tuple[int, int], Scheme], ...] = ((DESK, "light"), (PHONE, "dark"))
    for size, scheme in looks:
        page = opened(browser, file, size, scheme)
        section = page.get_by_role("region", name="Score against energy", exact=True)
        assert section.locator(".chart svg .mark-symbol.role-mark path").count() == 4
        assert section.locator(".mark-text.role-mark text").all_text_contents() == ["0", "0.1", "T 1, 1", "this run"]
        assert section.locator(".role-legend-label text").all_text_contents() == ["the front", "this run"]
        section.locator(".chart svg .mark-symbol.role-mark path").last.hover()
        expect(page.locator("#vg-tooltip-element")).to_contain_text("this run")
        expect(page.locator("#vg-tooltip-element")).to_contain_text("70 µJ")
        assert "this run" in section.get_by_role("table").inner_text()
        assert "dsf-bench front env=pen-e" in section.inner_text()
        page.close()


def test_the_keyboard_reaches_everything_in_the_order_of_the_page(browser: Browser, file: Path) -> None:
    page = opened(browser, file)
    page.keyboard.press("Tab")
    assert focused(page)["text"] == "Skip to the report"
    places, identifiers = [], []
    for _ in range(60):
        page.keyboard.press("Tab")
        element = focused(page)
        if element["tag"] == "BODY":
            break
        places.append(element["place"])
        identifiers.append(element["id"])
        assert element["outline"] != "none"
    assert places == sorted(places)
    assert {"profile", "layout"} <= set(identifiers)
    page.locator("#layout").focus()
    page.keyboard.press("ArrowDown")
    assert page.get_by_label("Layout", exact=True).input_value() == "window"
    page.locator("summary:visible").first.focus()
    before = page.locator("details[open]:visible").count()
    page.keyboard.press("Enter")
    assert page.locator("details[open]:visible").count() == before - 1
    page.close()


def focused(page: Page) -> dict[str, Any]:
    """The element that has the focus, and its place among all elements."""
    element: dict[str, Any] = page.evaluate(
        """() => { const one = document.activeElement;
            return { tag: one.tagName, id: one.id, text: one.innerText, outline: getComputedStyle(one).outlineStyle,
                     place: [...document.querySelectorAll('*')].indexOf(one) }; }"""
    )
    return element


def test_paper_has_no_controls_and_every_table(browser: Browser, file: Path) -> None:
    page = opened(browser, file, scheme="dark")
    page.emulate_media(media="print")
    expect(page.locator(".controls")).to_be_hidden()
    assert page.eval_on_selector("html", "one => getComputedStyle(one).backgroundColor") == "rgb(255, 255, 255)"
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("details:not([open])").count() == 0
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("details:not([open])").count() > 0
    assert len(page.pdf(format="A4")) > 20_000
    page.close()


def test_a_screen_reader_finds_landmarks_headings_and_tables(browser: Browser, file: Path) -> None:
    page = opened(browser, file)
    assert page.eval_on_selector("html", "one => one.lang") == "en"
    assert page.get_by_role("main").count() == 1
    assert page.get_by_role("heading", level=1).count() == 1
    assert page.get_by_role("heading", level=2).count() >= 8
    assert page.get_by_role("combobox", name="Profile").count() == 1
    assert page.get_by_role("radio", name="traffic").count() == 1
    visible = page.get_by_role("img").count()
    assert visible == page.locator(".chart:visible").count()
    assert page.get_by_role("table").count() >= 3
    page.close()
