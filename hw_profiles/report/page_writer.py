"""The document as one HTML file that needs nothing beside it: no network, no other file."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from dsf_common.errors import UserError
from hw_profiles.report.comparison import Comparison
from hw_profiles.report.document.activity import Raster, RasterLayer
from hw_profiles.report.document.answers import LayoutAnswer
from hw_profiles.report.document.placement import Placement, ReportedResource
from hw_profiles.report.document.report import Report
from hw_profiles.report.units import decimal_text, energy_text, number_text, percent_text, time_text

PAGE = Path(__file__).parent / "page"
EMBED = "window.vegaEmbed = vegaEmbed;"  # all that the page's script takes of the libraries
LIBRARIES = {"jinja2": "jinja2", "altair": "altair", "vl_convert": "vl-convert-python"}


def check_libraries() -> None:
    """Refuse to begin what could not be finished.

    Raises
    ------
    UserError
        A library that the page is made with is not installed.
    """
    for module, distribution in LIBRARIES.items():
        if find_spec(module) is None:
            raise UserError(
                f"the report's page needs {distribution}, which is not installed: "
                "pip install 'decision-spikeformer[report]'"
            )


def page_text(report: Report) -> str:
    """The page of a report.

    Raises
    ------
    UserError
        A library that it is made with is not installed.
    """
    check_libraries()
    # Imported here: pricing a run needs none of them.
    import altair
    import markupsafe
    import vl_convert

    from hw_profiles.report.page_charts import charts_of

    version = ".".join(altair.SCHEMA_VERSION.removeprefix("v").split(".")[:2])
    return _rendered(
        "report.html",
        report=report,
        layouts=list(dict.fromkeys(layout.name for answer in report.profiles for layout in answer.layouts)),
        charts=charts_of(report),
        script=markupsafe.Markup((PAGE / "report.js").read_text(encoding="utf-8")),
        library=markupsafe.Markup(vl_convert.javascript_bundle(EMBED, version).replace("</script", "<\\/script")),
        energy=energy_text,
        duration=time_text,
        number=number_text,
        decimal=decimal_text,
        percent=percent_text,
        named=_named,
        resource_names=_resource_names,
        raster_counts=_raster_counts,
    )


def comparison_page_text(comparison: Comparison) -> str:
    """The page of a comparison: a table, which needs no script.

    Raises
    ------
    UserError
        A library that it is made with is not installed.
    """
    check_libraries()
    runs = list(zip(comparison.names, comparison.runs, strict=True))
    return _rendered("comparison.html", comparison=comparison, runs=runs)


def _rendered(template: str, **values: object) -> str:
    import jinja2
    import markupsafe

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(PAGE),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":"), "ensure_ascii": False}
    style = markupsafe.Markup((PAGE / "report.css").read_text(encoding="utf-8"))
    return environment.get_template(template).render(style=style, **values)


def _named(
    items: Sequence[ReportedResource] | Sequence[LayoutAnswer], name: str
) -> ReportedResource | LayoutAnswer | None:
    """The item of that name, if there is one."""
    return next((item for item in items if item.name == name), None)


def _resource_names(placement: Placement) -> list[str]:
    """Resources with a limit, in the order in which layers name them."""
    return list(
        dict.fromkeys(use.name for layer in placement.layers for use in layer.resources if use.share is not None)
    )


def _raster_counts(raster: Raster) -> list[tuple[RasterLayer, Sequence[int]]]:
    """Spikes of each layer at each time step."""
    counts = [[0] * raster.time_steps for _ in raster.layers]
    places = [place for place, layer in enumerate(raster.layers) for _ in range(layer.size)]
    for row, step in zip(raster.rows, raster.steps, strict=True):
        counts[places[row]][step] += 1
    return list(zip(raster.layers, counts, strict=True))
