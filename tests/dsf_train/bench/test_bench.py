"""`dsf-bench`: sweeps that are killed and go on, side by side on Ray, and what their tables say."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from dsf_common.errors import UserError
from dsf_common.statistics import MeanEstimate
from dsf_export.optimise.passes import PASSES
from dsf_models.checkpoint import load_tensors
from dsf_train.bench.data import choose_data
from dsf_train.bench.duration import Duration
from dsf_train.bench.execution import carry_out
from dsf_train.bench.front import Point, front_rows, front_table
from dsf_train.bench.grid import ABLATIONS, SCORES, Sweep, make_grid
from dsf_train.bench.options import Price
from dsf_train.bench.outcome import Outcome
from dsf_train.bench.page import put_section
from dsf_train.bench.printed import printed_score
from dsf_train.bench.program_measurement import Measurement, measure_program
from dsf_train.command_bench import main
from dsf_train.configuration import TrainConfig
from dsf_train.datasets.demonstrations import DEMONSTRATORS
from dsf_train.run_folder import RunFolder
from dsf_train.run_options import training_config
from dsf_train.trainer import train
from hw_profiles.pareto_front import FrontPoint, load_front
from neuro_runtime.environments import load_environment_spec
from neuro_runtime.program.storage import load_program
from support.small_datasets import d4rl_columns, write_hdf5
from tests.dsf_train.tiny_run import TINY as TINY_RUN

TINY = (
    "train.model.embedding_size=8",
    "train.model.blocks=1",
    "train.model.window=2",
    "train.model.context=4",
    "train.model.time_steps=2",
    "train.batch_size=8",
    "train.checkpoint_every=20",
    "train.log_every=20",
    "train.threads=1",
    "episodes=2",
)
TWO = ("scores", "envs=pendulum", "models=pssa,mlp", "seeds=0")
RUNS = Path("runs") / "pendulum"
HOPPER = load_environment_spec("hopper-m-e")


def table_rows(page: Path) -> list[str]:
    return [line for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("|")]


def logged_steps(run: Path) -> list[int]:
    records = map(json.loads, (run / "metrics.jsonl").read_text().splitlines())
    return [record["step"] for record in records if "loss" in record]


def test_a_killed_sweep_goes_on_where_it_stopped(tmp_path: Path) -> None:
    sweep = [*TWO, "steps=300", "workers=1", *TINY]
    command = [sys.executable, "-m", "dsf_train.command_bench", *sweep]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    first, second = RUNS / "scores-pssa-seed0", RUNS / "scores-mlp-seed0"
    deadline = time.monotonic() + 120
    while not (second / "checkpoint.pt").exists() and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done, stopped_at = (first / "model.pt").stat(), load_tensors(second / "checkpoint.pt")["step"]
    assert 0 < stopped_at < 300
    assert main([sweep[0], "--table-only", *sweep[1:]]) == 0
    assert "**Incomplete**: 1 of 2 runs have finished." in Path("results.md").read_text(encoding="utf-8")
    assert table_rows(Path("results.md"))[-1].endswith("| – |")
    assert main(sweep) == 0
    assert (first / "model.pt").stat().st_mtime_ns == done.st_mtime_ns
    assert logged_steps(second) == list(range(20, 301, 20))
    assert "Incomplete" not in Path("results.md").read_text(encoding="utf-8")
    assert all(re.search(r"\| -?\d+\.\d \|$", row) for row in table_rows(Path("results.md"))[2:])
    assert Path("results-scores.svg").read_text(encoding="utf-8").startswith("<?xml")


def test_what_the_paper_prints_stands_beside_with_what_it_is_of(tmp_path: Path) -> None:
    for name in ("pen-expert-standin.hdf5", "door-human-v1.hdf5"):
        write_hdf5(tmp_path / name, d4rl_columns())
    call = ["envs=pen-e,door-h", "models=pssa,mlp", "seeds=0", f"datasets={tmp_path}", f"runs={tmp_path}/none"]
    assert main(["scores", "--table-only", *call]) == 0
    page = Path("results.md").read_text(encoding="utf-8")
    assert table_rows(Path("results.md")) == [
        "|  | pen-e (stand-in) | *printed* | door-h | *printed* |",
        "| --- | --- | --- | --- | --- |",
        "| DSFormer, PSSA | – | *122.0* | – | *0.2* |",
        "| behaviour cloning, MLP | – |  | – |  |",
    ]
    assert "*Printed* is what the paper gives for D4RL's own data" in page
    assert "**Stand-in data**: pen-e was recorded with other policies" in page


def test_a_sweep_says_before_it_starts_how_long_it_will_take(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dsf_train.bench.sweeps.carry_out", lambda *given: None)
    caplog.set_level("INFO")
    assert main([*TWO, "steps=20", "workers=1", *TINY]) == 0
    assert re.search(r"2 runs left: at most about \d+ (s|min) on this machine, by measured steps", caplog.text)


@pytest.mark.parametrize(
    ("duration", "at_once", "text"),
    [
        (Duration(0, 0.0), 1, "nothing is left to run"),
        (Duration(1, 50.2), 1, "1 run left: at most about 51 s on this machine, by measured steps"),
        (Duration(60, 10_800), 2, "60 runs left, 2 at a time: at most about 90 min on this machine, by measured steps"),
        (Duration(6, 10_801), 1, "6 runs left: at most about 3 h 1 min on this machine, by measured steps"),
    ],
)
def test_a_duration_in_words(duration: Duration, at_once: int, text: str) -> None:
    assert duration.text(at_once) == text


@pytest.mark.parametrize("task", ["pen", "door", "hammer", "relocate"])
@pytest.mark.parametrize("data", ["h", "c"])
def test_human_and_cloned_data_are_columns_by_their_names(task: str, data: str) -> None:
    sweep = Sweep("scores", (f"{task}-{data}",), (0,), "runs", None, ())
    grid = make_grid(SCORES, sweep)
    assert len(grid.configs()) == len(SCORES)
    assert printed_score("pssa", f"{task}-{data}") is not None


@pytest.mark.long
def test_ray_gives_the_same_table(tmp_path: Path) -> None:
    sweep = [*TWO, "steps=20", *TINY]
    assert main([*sweep, "workers=1", "output=plain.md", "runs=plain"]) == 0
    assert main([*sweep, "workers=2", "output=ray.md"]) == 0
    assert table_rows(Path("ray.md")) == table_rows(Path("plain.md"))
    assert {path.name for path in RUNS.iterdir()} == {"scores-pssa-seed0", "scores-mlp-seed0"}


def test_a_front_is_of_exported_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The measurement is stood in for, as it takes a quarter of a minute; another test makes one."""
    measured: list[tuple[str, str]] = []

    def measure(config: TrainConfig, profile: str) -> Measurement:
        measured.append((config.name, profile))
        return Measurement(score=80.0, synops=1234.5, total_pj=5030.0, active_pj=30.0)

    monkeypatch.setattr("dsf_train.bench.front.measure_program", measure)
    sweep = ["front", "env=pendulum", "prices=0", "seeds=0", "steps=20", "workers=1", "profile=cmos45-paper", *TINY]
    assert main([*sweep, "--table-only"]) == 0
    assert not Path("results-front-pendulum.json").exists()  # a front of some of its runs is none
    assert main(sweep) == 0
    assert table_rows(Path("results.md"))[-1] == "| 0 | 80.0 | 1,234 | 5.0 | 0.0 | **100 %** | **100 %** | **100 %** |"
    stored = load_front(Path("results-front-pendulum.json"))
    assert stored.points == (FrontPoint(0.0, 80.0, None, 1234.5, 5030.0, 30.0),)
    assert stored.model == "dsformer with pssa, D 8, L 1, K 4, S 2, T 2"
    assert (stored.environment, stored.data, stored.option) == ("pendulum", "generated", "energy_price")
    assert (stored.profile, stored.seeds, stored.steps, stored.episodes) == ("cmos45-paper", (0,), 20, 2)
    assert stored.command == f"dsf-bench {' '.join(sweep)}"
    assert main([*sweep, "fronts=fronts"]) == 0
    assert load_front(Path("fronts/pendulum.json")) == stored
    assert measured == [("front-energy_price0-seed0", "cmos45-paper")]  # once


def test_a_front_may_be_drawn_over_either_price() -> None:
    energy = front_rows(Price.energy_price, "0,0.5", "loihi2")
    assert [row.overrides for row in energy] == [
        ("energy_price=0.0", "energy_profile=loihi2"),
        ("energy_price=0.5", "energy_profile=loihi2"),
    ]
    (synops,) = front_rows(Price.synop_price, "3", "loihi2")
    assert (synops.name, synops.overrides) == ("synop_price3", ("synop_price=3.0",))


def test_a_front_combines_sizes_with_each_other_and_with_prices() -> None:
    sizes = {"time_steps": "1,4", "blocks": None, "embedding_size": "64"}
    rows = front_rows(Price.synop_price, "0,3", "loihi2", sizes)
    assert [(row.name, row.title, row.group) for row in rows] == [
        ("T1-D64-synop_price0", "0", "T 1, D 64"),
        ("T1-D64-synop_price3", "3", "T 1, D 64"),
        ("T4-D64-synop_price0", "0", "T 4, D 64"),
        ("T4-D64-synop_price3", "3", "T 4, D 64"),
    ]
    assert rows[-1].overrides == ("synop_price=3.0", "model.time_steps=4", "model.embedding_size=64")


def test_a_stored_front_says_which_sizes_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    def measure(config: TrainConfig, profile: str) -> Measurement:
        return Measurement(score=80.0, synops=1234.5, total_pj=5030.0, active_pj=30.0)

    monkeypatch.setattr("dsf_train.bench.front.measure_program", measure)
    monkeypatch.setattr("dsf_train.bench.front.finish", lambda config: RunFolder.of(config).path.mkdir(parents=True))
    monkeypatch.setattr("dsf_train.bench.table.outcome_of", lambda config: Outcome(80.0))
    call = ["front", "env=pendulum", "prices=0", "seeds=0", "time_steps=1,2", "workers=1", "profile=cmos45-paper"]
    assert main([*call, *(pair for pair in TINY if "time_steps" not in pair)]) == 0
    stored = load_front(Path("results-front-pendulum.json"))
    assert [point.size for point in stored.points] == ["T 1", "T 2"]
    assert stored.model == "dsformer with pssa, D 8, L 1, K 4, S 2"
    assert {path.name for path in RUNS.iterdir()} == {"front-T1-energy_price0-seed0", "front-T2-energy_price0-seed0"}


def test_a_measurement_is_of_the_exported_program(tmp_path: Path) -> None:
    """The energy is that of the saved run; what constant power takes is none of its events'."""
    config = training_config([*TINY_RUN, "steps=20", f"output={tmp_path}"])
    folder = train(config).model_file.parent
    measured = measure_program(config, "loihi2")
    saved = json.loads((folder / "run" / "run.json").read_text())
    assert (saved["backend"], len(saved["episodes"])) == ("loihi-fast", config.final_episodes)
    assert saved["episodes"][0]["seed"] == 10_000
    (energy,) = saved["energy"]
    assert (measured.score, measured.total_pj) == (saved["score"]["mean"], energy["total_pj"])
    assert measured.synops == saved["activity"]["synops"]
    assert 0 < measured.active_pj < measured.total_pj
    program = load_program(folder / "program.dsf.h5")
    assert program.environment == "pendulum"
    assert PASSES in program.provenance  # lean, as dsf-export makes it


def test_a_refused_export_ends_a_front(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"model\.pt"):
        measure_program(training_config([*TINY_RUN, f"output={tmp_path}"]), "loihi2")


def test_tables_say_what_is_a_stand_in_and_how_to_have_the_real_files(tmp_path: Path) -> None:
    data = tmp_path / "data"
    write_hdf5(data / "hopper-medium-expert-standin.hdf5", d4rl_columns())
    write_hdf5(data / "pen-expert-v1.hdf5", d4rl_columns())
    sweep = ["scores", "envs=hopper-m-e,pen-e", f"datasets={data}", "models=pssa,mlp", "--table-only"]
    assert main(sweep) == 0
    text = Path("results.md").read_text(encoding="utf-8")
    assert table_rows(Path("results.md"))[0] == "|  | hopper-m-e (stand-in) | *printed* | pen-e | *printed* |"
    assert "**Stand-in data**: hopper-m-e was recorded with other policies than D4RL's" in text
    assert "**Incomplete**: 0 of 12 runs" in text
    assert "    dsf-bench scores envs=hopper-m-e,pen-e datasets=DIR models=pssa,mlp" in text
    assert "    dsf-data fetch env=hopper-m-e\n    dsf-bench scores envs=hopper-m-e,pen-e models=pssa,mlp" in text
    assert str(tmp_path) not in text


def test_data_are_found_by_d4rls_name_first(tmp_path: Path) -> None:
    stand_in = write_hdf5(tmp_path / "hopper-medium-expert-standin.hdf5", d4rl_columns())
    assert (choose_data(HOPPER, tmp_path).path, choose_data(HOPPER, tmp_path).is_stand_in) == (stand_in, True)
    real = write_hdf5(tmp_path / "hopper_medium_expert-v2.hdf5", d4rl_columns())
    assert (choose_data(HOPPER, tmp_path).path, choose_data(HOPPER, tmp_path).is_stand_in) == (real, False)
    write_hdf5(real, d4rl_columns() | {"metadata/origin": "stand-in, not D4RL: hopper-sac"})
    assert choose_data(HOPPER, tmp_path).is_stand_in  # whatever it is called
    assert choose_data(load_environment_spec("pendulum"), tmp_path).path is None
    with pytest.raises(UserError, match=r"no dataset of pen-e.*pen-expert-v1\*\.hdf5 or pen-expert-standin"):
        choose_data(load_environment_spec("pen-e"), tmp_path)


def test_a_front_marks_the_cheapest_that_keeps_the_score() -> None:
    def point(price: float, score: float, synops: float, total_pj: float) -> Point:
        return Point(price, MeanEstimate(score, 1.5, None, None), synops, total_pj, 2000.0)

    table = front_table(
        [point(0, 100, 1000, 8000), point(1, 99, 400, 5000), point(3, 98.5, 300, 6000), point(9, 50, 100, 4000)],
        Price.energy_price,
        "chip",
    )
    assert table.splitlines()[2:] == [
        "| 0 | 100.0 ± 1.5 | 1,000 | 8.0 | 2.0 | 100 % | 100 % | 100 % |",
        "| 1 | 99.0 ± 1.5 | 400 | 5.0 | 2.0 | **99 %** | **40 %** | **62 %** |",
        "| 3 | 98.5 ± 1.5 | 300 | 6.0 | 2.0 | 98 % | 30 % | 75 % |",
        "| 9 | 50.0 ± 1.5 | 100 | 4.0 | 2.0 | 50 % | 10 % | 50 % |",
    ]


def test_a_front_over_sizes_names_the_size_of_each_point() -> None:
    points = [
        Point(0, MeanEstimate(-4.0, None, None, None), 10, 9000.0, 2000.0, "T 1, D 8"),
        Point(0, None, 0, 0, 0, "T 2, D 8"),
    ]
    assert front_table(points, Price.energy_price, "chip").splitlines()[2:] == [
        "| T 1, D 8 | 0 | -4.0 | 10 | 9.0 | 2.0 | – | 100 % | 100 % |",
        "| T 2, D 8 | 0 | – | – | – | – | – | – | – |",
    ]


def test_a_front_of_policies_that_learnt_nothing_and_whose_programs_are_silent_has_no_shares_of_nothing() -> None:
    points = [Point(price, MeanEstimate(0.0, None, None, None), 0.0, 3000.0, 0.0) for price in (0, 1)]
    assert front_table(points, Price.energy_price, "chip").splitlines()[2:] == [
        "| 0 | 0.0 | 0 | 3.0 | 0.0 | – | – | 100 % |",
        "| 1 | 0.0 | 0 | 3.0 | 0.0 | – | – | 100 % |",
    ]


def test_a_section_is_replaced_and_the_rest_of_the_page_stays(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Mine\n\nBefore.\n")
    put_section(page, "one", r"first \1")
    put_section(page, "two", "second")
    put_section(page, "one", "again")
    assert re.sub(r"<!--.*?-->\n?", "", page.read_text()).split("\n\n") == ["# Mine", "Before.", "again", "second\n"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["scores", "models=psa"], "pssa"),
        (["scores", "envs=hoper-m-e"], "hopper-m-e"),
        (["scores", "env=pendulum"], "envs=pendulum"),
        (["scores", "envs=pendulum", "prices=0,1"], "prices= is of front, not of scores: leave it out"),
        (["ablations", "fronts=f"], "fronts= is of front, not of ablations: leave it out"),
        (["front", "env=pendulum", "models=mlp"], "models= is of scores and ablations, not of front: leave it out"),
        (["scores", "envs=pendulum", "train.env=pen-e"], "train.env= is each run's own: leave train.env=pen-e out"),
        (["scores", "envs=pendulum", "train.seed=5"], "train.seed= is each run's own"),
        (["scores", "envs=pendulum", "train.model.mixing=delay"], "train.model.mixing=delay means nothing to any row"),
        (["scores", "envs=pendulum", "models=mlp", "train.model.heads=2"], "train.model.heads=2 means nothing to any"),
        (["scores", "envs=pendulum", "train.evaluation_episodes=2"], "means nothing to any row"),
        (["front", "env=pendulum", "train.energy_price=5"], "train.energy_price=5 means nothing to any row"),
        (["scores", "cluster=there"], "workers=1 are of this machine, and cluster= has its own: leave one out"),
        (["scores", "episodes=0"], "episodes=0 must be at least 1"),
        (["scores", "stepz=3"], "steps"),
        (["scores", "seeds=a"], "whole numbers"),
        (["scores", "envs=pen-e", "datasets=."], "no dataset of pen-e in"),
        (["scores", "envs=pendulum", "train.model.contxt=4"], "context"),
        (["ablations", "envs=pendulum", "train.model.context=4"], "model.context"),
        (["front"], "env=pendulum"),
        (["front", "env=pendulum", "prices=cheap"], "no numbers"),
        (["front", "env=pendulum", "profile=loihi9"], "loihi"),
        (["front", "env=pendulum", "profile=xylo"], "no price of any event"),
        (["front", "env=pendulum", "price=synop_price", "profile=jetson-nano"], "prices the ANN baselines"),
        (
            ["front", "env=pendulum", "prices=0", "seeds=0", "train.model.norm=tdln", "runs={runs}"],
            "front-energy_price0-seed0 on pendulum: tdLN (model.norm=tdln) divides by a deviation",
        ),
        (["front", "env=pendulum", "price=price"], "price"),
        (["front", "env=pendulum", "time_steps=1,two"], "no whole numbers with commas between, such as 1,2,4"),
        (["front", "env=pendulum", "time_steps="], "time_steps= has no value; give one, or leave it out"),
        (["front", "env=pendulum", "blocks=0"], "L0-energy_price0 on pendulum: model.blocks=0 must be at least 1."),
        (["front", "env=pendulum", "time_steps=256"], "T256-energy_price0 on pendulum: model.time_steps=256 is above"),
    ],
)
def test_bad_calls_get_one_sentence_and_status_2(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*(argument.format(runs=tmp_path / "runs") for argument in arguments), "workers=1"]) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("dsf-bench: error: ")
    assert message in error
    assert not any(tmp_path.iterdir())


def test_a_sweep_whose_last_run_cannot_be_trained_trains_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DSF_CACHE", str(tmp_path / "cache"))
    for name, demonstrator in DEMONSTRATORS.items():
        monkeypatch.setitem(DEMONSTRATORS, name, replace(demonstrator, episodes=5))
    sweep = ["scores", "envs=pendulum,t-maze-9", "models=mlp", "seeds=0,1", "workers=1", f"runs={tmp_path}/runs"]
    assert main([*sweep, "steps=2", "train.model.context=8", *TINY[-2:]]) == 2
    assert "scores-mlp-seed0 on t-maze-9: whole_episodes=true needs windows" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


def test_an_option_goes_to_the_rows_that_read_it(tmp_path: Path) -> None:
    given = ("model.heads=2", "model.embedding_size=16")
    grid = make_grid(ABLATIONS, Sweep("ablations", ("pendulum",), (0,), str(tmp_path), None, given))
    heads = {row: config.model.heads for (row, _), (config,) in grid.runs.items()}
    assert {row for row, number in heads.items() if number == 2} == {"tssa", "sssa", "sdsa3", "dt", "dt-delayed"}


def test_all_rows_of_a_t_maze_hold_an_episode(tmp_path: Path) -> None:
    grid = make_grid(SCORES, Sweep("scores", ("t-maze-150",), (0,), str(tmp_path), None, ()))
    windows = [config.model.context for config in grid.configs() if config.whole_episodes]
    assert len(windows) == len(SCORES) - 1  # CQL's are transitions
    assert set(windows) == {152}


def test_several_workers_need_ray(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("dsf_train.bench.execution.find_spec", lambda name: None)
    assert main([*TWO, "workers=2", *TINY]) == 2
    assert "pip install 'decision-spikeformer[cluster]'" in capsys.readouterr().err


def test_ray_listens_on_loopback_alone(tmp_path: Path) -> None:
    heard, own_process = tmp_path / "addresses", os.getpid()

    def note_addresses(config: TrainConfig) -> None:
        driver = psutil.Process(own_process)
        processes = [driver, *driver.children(recursive=True)]
        listening = [
            socket for process in processes for socket in process.net_connections() if socket.status == "LISTEN"
        ]
        heard.write_text("\n".join(socket.laddr.ip for socket in listening))

    carry_out([TrainConfig(env="pendulum")], note_addresses, workers=2, cluster=None)
    addresses = heard.read_text().splitlines()
    assert len(addresses) > 2
    assert all(address.removeprefix("::ffff:") == "127.0.0.1" for address in addresses)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["scores", "envs=pendulum", "seeds=0,1,00"], "seeds=0,1,00 has 0 twice"),
        (["scores", "envs=pendulum,pendulum"], "envs=pendulum,pendulum has pendulum twice"),
        (["scores", "envs=pendulum,"], "envs=pendulum, lacks a name beside a comma"),
        (["scores", "envs=pendulum", "models=mlp,mlp"], "models=mlp,mlp has mlp twice"),
        (["front", "env=pendulum", "prices=1,0.1,1.0"], "prices=1,0.1,1.0 has 1.0 twice"),
        (["front", "env=pendulum", "prices=0.1,0.10000001"], "has 0.1 twice"),
        (["front", "env=pendulum", "blocks=1,2,1"], "blocks=1,2,1 has 1 twice"),
        (["scores", "envs=pendulum", f"seeds={2**63}"], "is too large: whole numbers are below 2^63"),
    ],
)
def test_what_is_repeated_is_no_second_sample(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments, f"output={tmp_path}/results.md", f"runs={tmp_path}/runs"]) == 2
    assert said in capsys.readouterr().err
    assert not any(tmp_path.iterdir())
