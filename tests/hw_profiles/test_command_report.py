"""``dsf-report`` on saved runs, on two of them, and on things that are none."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from hw_profiles import energy, pricing, timing
from hw_profiles.activity import ActivityCounts
from hw_profiles.chip_events import ChipEvents, chip_events
from hw_profiles.command_report import main
from hw_profiles.loader import FOLDER
from hw_profiles.mapping import ChipMapping
from hw_profiles.report import page_writer, placement
from hw_profiles.report.write import make_report
from support.saved_run import record_document, write_saved_run
from support.spoiled_files import Spoil, empty, gone, random_bytes, truncated

Change = Callable[[dict[str, Any]], object]
COUNTS = {"spikes": 1, "active_updates": 1, "idle_updates": 1}
PAPER = ["--profile", "cmos45-paper"]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return write_saved_run(tmp_path / "run")


def test_it_prints_the_top_and_writes_page_and_document(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(run), *PAPER]) == 0
    printed = capsys.readouterr().out
    synops, host = 132 * 0.9, 10 * 4.6
    assert f"{synops + host:.0f} pJ" in printed
    assert "score 50.0 (95 % interval 37.3 … 62.7)" in printed
    report = json.loads((run / "report.json").read_text())
    stream, window = report["profiles"][0]["layouts"]
    assert stream["energy"]["total"]["nominal"] == pytest.approx(synops + host)
    # Four tokens in the context; the host keeps the currents of those that it has encoded.
    assert window["energy"]["total"]["nominal"] == pytest.approx(4 * synops + host)
    assert (run / "report.html").read_text().startswith("<!doctype html>")


def test_every_shipped_profile_that_can_prices_a_run(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(run), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    energies = {profile["name"]: layout["energy"] for profile in report["profiles"] for layout in profile["layouts"]}
    assert {"cmos45-paper", "cmos45-memory", "loihi1-davies2018", "loihi1-measured", "loihi2"} <= set(energies)
    assert all(energies.values())
    assert not {"jetson-nano", "cmos45-int8-ann", "speck"} & set(energies)
    assert report["main_profile"] == "loihi1-measured"
    by_kind = {(baseline["kind"], baseline["profile"]) for baseline in report["baselines"]}
    assert {("ANN, by prices", "cmos45-int8-ann"), ("ANN, scaled from measured", "gap9-measured")} <= by_kind
    assert "scaled by multiply-accumulates" in report["profiles"][0]["layouts"][0]["verdict"]


def test_the_parts_of_an_account_make_its_total(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(run), "--json", "--profile", "loihi1-measured"]) == 0
    (profile,) = json.loads(capsys.readouterr().out)["profiles"]
    for layout in profile["layouts"]:
        energy = layout["energy"]
        for bound in ("nominal", "low", "high"):
            total = pytest.approx(energy["total"][bound])
            for parts in ("terms", "layers", "lines"):
                assert sum(part["energy"][bound] for part in energy[parts]) == total
        used = [core for core in layout["placement"]["mesh"] if core["layers"]]
        assert len(used) == layout["placement"]["cores"]
        assert sum(core["neurons"] for core in used) == (17 if layout["name"] == "stream" else 4 * 17)


def test_chip_events_are_counted_once_a_profile_and_layout(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counted = []

    def count(activity: ActivityCounts, mapping: ChipMapping) -> ChipEvents:
        counted.append((mapping.profile, mapping.network.layout))
        return chip_events(activity, mapping)

    for module in (pricing, timing, energy, placement):
        monkeypatch.setattr(module, "chip_events", count, raising=False)
    chips = ("loihi1-measured", "loihi2")  # the first prices the front that ships too
    make_report(run, chips)
    assert sorted(counted) == [(name, way) for name in chips for way in ("stream", "window")]


def test_files_go_where_out_says(run: Path, tmp_path: Path) -> None:
    assert main([str(run), *PAPER, "--out", str(tmp_path / "there")]) == 0
    assert sorted(path.name for path in (tmp_path / "there").iterdir()) == ["report.html", "report.json"]
    assert not (run / "report.json").exists()


def test_a_run_of_no_program_is_priced_by_conventions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = write_saved_run(tmp_path / "run", backend="torch", network=None, raster=None, context=None, layout="window")
    assert main([str(run)]) == 0
    printed = capsys.readouterr().out
    assert "of no program in Loihi's integers (backend torch)" in printed
    assert "loihi1-measured prices events on cores" in printed
    report = json.loads((run / "report.json").read_text())
    assert report["main_profile"] == "cmos45-int8"
    for profile in report["profiles"]:
        assert [layout["name"] for layout in profile["layouts"]] == ["window"]  # as the trained model computes


def test_a_run_without_its_trace_is_told(run: Path, caplog: pytest.LogCaptureFixture) -> None:
    (run / "trace.h5").unlink(missing_ok=True)
    assert main([str(run), *PAPER]) == 0
    assert "trace.h5 is not beside" in caplog.text


def test_two_runs_are_compared(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    better = record_document()["score"] | {"mean": 48.5}
    other = write_saved_run(tmp_path / "other", score=better)
    out = tmp_path / "out"
    assert main([str(run), str(other), "--profile", "loihi1-davies2018", "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "−1.5" in printed
    for quantity in ("energy a decision, loihi1-davies2018, stream", "time a decision", "cores", "the same"):
        assert quantity in printed
    document = json.loads((out / "comparison.json").read_text())
    assert document["changes"][0]["first"]["nominal"] - document["changes"][0]["second"]["nominal"] == 1.5
    assert "<table>" in (out / "comparison.html").read_text()


def test_a_run_of_the_trained_model_has_no_ratio_to_a_program_where_idle_updates_cost(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    idle = "{value: 1.0, unit: pJ, grade: inferred, source: made up}"
    profile = tmp_path / "idle.yaml"
    profile.write_text(
        "schema: 2\nname: idle\ntitle: idle\nkind: convention\nabout: a\nnot_counted: [all]\n"
        f"energy: {{synop: {idle}, neuron_idle: {idle}}}\n"
    )
    activity = record_document()["activity"] | {"idle_updates": 0.0, "by_population": {}, "synops_by_target": {}}
    none: dict[str, Any] = {"network": None, "raster": None, "context": None}
    trained = write_saved_run(tmp_path / "trained", backend="torch", layout="window", activity=activity, **none)
    assert main([str(run), str(trained), "--profile", str(profile), *PAPER]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("energy")]
    priced = {line.split(",")[1].strip(): line for line in lines if "window" in line}
    assert "not comparable" in priced["idle"]
    assert "times" in priced["cmos45-paper"] or "the same" in priced["cmos45-paper"]


def test_a_profile_given_twice_is_refused(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(run), *PAPER, "--profile", str(FOLDER / "cmos45-paper.yaml")]) == 2
    assert_one_line(capsys, "profile cmos45-paper is given twice: leave one out")


def test_list_names_the_profiles(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"]) == 0
    assert "loihi1-davies2018" in capsys.readouterr().out
    assert main(["--list", "--json"]) == 0
    assert "loihi2" in json.loads(capsys.readouterr().out)


def changed(*path: str, value: Any) -> Change:
    """One value of the record replaced."""

    def change(record: dict[str, Any]) -> None:
        *parents, last = path
        for name in parents:
            record = record[name]
        record[last] = value

    return change


def lacking(name: str) -> Change:
    return lambda record: record.pop(name)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lacking("activity"), "not the record of a run: it has no activity"),
        (lacking("score"), "score is missing"),
        (lacking("network"), "network is missing"),
        (changed("format", value=1), "has format 1 and this version reads 2"),
        (changed("activity", "synops", value=-1), "activity.synops is -1"),
        (changed("activity", "spikes", value="many"), "activity.spikes is 'many'"),
        (changed("activity", "host_macs", value=float("nan")), "activity.host_macs is nan"),
        (changed("activity", "by_population", "layer1", "spikes", value=-2), "by_population.layer1.spikes is -2"),
        (changed("activity", "by_population", value={"strange": COUNTS}), "strange, which network.h5 does not have"),
        (changed("activity", "by_population", value={}), "no profile given can price this run"),
        (changed("episodes", value=[]), "episodes is []"),
        (changed("decisions", value=0), "decisions is 0"),
        (changed("context", value=0), "context is 0"),
        (changed("layout", value="sideways"), "layout is 'sideways'"),
        (changed("layers", value=[{"name": "layer0", "firing_rate": 2, "spikes": 1, "synops": 1}]), "firing_rate is 2"),
        (changed("stages", "stages", value=[]), "stages.stages is []"),
        (changed("network", value="elsewhere.h5"), "no network file"),
        (changed("network", value="raster.h5"), "not a network file"),
        (changed("raster", value="elsewhere.h5"), "no raster at"),
        (changed("raster", value="network.h5"), "not a raster that dsf-run wrote"),
    ],
)  # fmt: skip
def test_a_bad_record_ends_with_status_2_and_one_line(
    run: Path, change: Change, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    record = record_document()
    change(record)
    (run / "run.json").write_text(json.dumps(record))
    assert main([str(run), "--profile", "loihi1-davies2018"]) == 2
    assert_one_line(capsys, message)
    assert not (run / "report.html").exists()


@pytest.mark.parametrize("name", ["run.json", "network.h5", "raster.h5"])
@pytest.mark.parametrize("spoil", [gone, empty, random_bytes, truncated])
def test_a_damaged_file_ends_with_status_2_and_one_line(
    run: Path, name: str, spoil: Spoil, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil(run / name)
    assert main([str(run), *PAPER]) == 2
    assert_one_line(capsys, "run" if name == "run.json" else name)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name a run that dsf-run saved, or use --list"),
        (["nowhere"], "no run at nowhere"),
        (["{run}", "{run}", "{run}"], "3 runs are too many"),
        (["{run}", "{other}"], "compare two runs of one environment"),
        (["{run}", "nowhere"], "no run at nowhere"),
        (["{run}", "--profile", "loihi9"], "no profile 'loihi9'"),
        (["{run}", "--profile", "loihi9.yaml"], "no profile file loihi9.yaml"),
        (["{run}", "--profile", "cmos45-int8-ann"], "prices the ANN baselines"),
        (["{run}", "--profile", "jetson-nano"], "processor"),
        (["{run}", "--profile", "speck"], "has no price of any event"),
        (["{torch}", "--profile", "loihi2"], "of no program in Loihi's integers"),
        (["{torch}", "--profile", "cmos45-memory"], "prices memory by the sizes of layers"),
        (["{run}", "--out", "{run}/run.json"], "run.json is a file, and a report is written into a folder"),
        (["{run}", "{run}", "--out", "{run}/run.json"], "run.json is a file, and a report is written into a folder"),
        (["{run}", "{run}", "--front", "front.json"], "--front is drawn in the report of one run"),
        (["--list", "--profile", "loihi2"], "--profile is for the report of a run"),
        (["--list", "--profile", "loihi2", "{run}"], "--list takes no run"),
    ],
)
def test_a_wrong_call_ends_with_status_2_and_one_line(
    run: Path, tmp_path: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    other = write_saved_run(tmp_path / "other", environment="pen-e")
    torch = write_saved_run(tmp_path / "torch", backend="torch", network=None, raster=None, context=None)
    filled = [argument.format(run=run, other=other, torch=torch) for argument in arguments]
    assert main([*filled, *([] if "--profile" in filled else PAPER)] if filled else []) == 2
    assert_one_line(capsys, message)


def test_an_unknown_option_ends_with_status_2(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(run), "--profil3", "loihi2"]) == 2
    assert "--profil3" in capsys.readouterr().err


@pytest.mark.parametrize("missing", ["jinja2", "altair", "vl_convert"])
def test_a_missing_library_is_named_with_its_extra(
    run: Path, missing: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(page_writer, "find_spec", lambda name: None if name == missing else find_spec(name))
    assert main([str(run), *PAPER]) == 2
    assert_one_line(capsys, "pip install 'decision-spikeformer[report]'")


def assert_one_line(capsys: pytest.CaptureFixture[str], message: str) -> None:
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("dsf-report: error: ")
    assert message in output.err
    assert output.err.count("\n") == 1
