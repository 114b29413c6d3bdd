"""Shipped profiles load; a profile that breaks the schema is refused with the file, the key and the reason."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from dsf_common.errors import UserError
from dsf_common.exit_status import run_command
from hw_profiles.capacity import Capacity
from hw_profiles.event_prices import EventEnergy
from hw_profiles.figure import Figure, Grade
from hw_profiles.loader import load_profile, profile_names
from hw_profiles.profile import Kind

GOOD = """\
schema: 2
name: chip
title: a chip
kind: chip
about: A chip of one core.
capacity:
  cores_per_chip: {value: 2, unit: cores, grade: datasheet, source: "a vendor"}
  mesh_columns: {value: 1, unit: tiles, grade: datasheet, source: "a vendor"}
  mesh_rows: {value: 1, unit: tiles, grade: datasheet, source: "a vendor"}
  cores_per_tile: {value: 2, unit: cores, grade: datasheet, source: "a vendor"}
  neurons_per_core: {value: 64, unit: neurons, grade: datasheet, source: "a vendor"}
  synapse_words_per_core: {value: 1024, unit: words, grade: datasheet, source: "a vendor"}
  word_bits: {value: 64, unit: bits, grade: datasheet, source: "a vendor"}
  axons_in_per_core: {value: 64, unit: axons, grade: datasheet, source: "a vendor"}
  axons_out_per_core: {value: 64, unit: axons, grade: datasheet, source: "a vendor"}
  longest_delay: {value: 62, unit: steps, grade: datasheet, source: "a vendor"}
  weight_bits: {value: 8, unit: bits, grade: datasheet, source: "a vendor"}
  smallest_weight_exponent: {value: -8, unit: bits, grade: datasheet, source: "a vendor"}
  largest_weight_exponent: {value: 7, unit: bits, grade: datasheet, source: "a vendor"}
  product_neurons: {value: 0, unit: "yes=1/no=0", grade: datasheet, source: "a vendor"}
energy:
  synop: {value: 2.0, low: 1, high: 3.5, unit: pJ, grade: measured, source: "a paper, table 1"}
time:
  synop: {value: 3, unit: ns, grade: inferred, source: "arithmetic"}
power:
  static_per_chip: {value: 4, unit: mW, grade: datasheet, source: "a vendor"}
anchors:
  - workload: a network
    energy: {value: 9, unit: uJ, grade: measured, source: "a paper, table 2"}
not_counted: [routing]
"""
MEMORY = 'memory:\n  base_pj: {value: 1, unit: pJ, grade: inferred, source: "s"}\n'


def write(folder: Path, text: str, name: str = "chip.yaml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_every_shipped_profile_loads_under_its_own_name() -> None:
    assert {
        "cmos45-fp32-ann",
        "cmos45-int8",
        "cmos45-int8-ann",
        "cmos45-memory",
        "cmos45-paper",
        "lava-simulator",
        "loihi1-davies2018",
        "loihi1-measured",
        "loihi2",
        "odin",
        "speck",
        "spinnaker2",
        "truenorth",
        "xylo",
    } <= set(profile_names())
    assert [load_profile(name).name for name in profile_names()] == profile_names()


def test_a_shipped_profile_is_read_once_and_a_file_each_time(tmp_path: Path) -> None:
    assert load_profile("loihi2") is load_profile("loihi2")
    path = write(tmp_path, GOOD)
    assert load_profile(path) is not load_profile(path)


def test_a_profile_of_ones_own_loads_from_its_file(tmp_path: Path) -> None:
    profile = load_profile(write(tmp_path, GOOD))
    assert profile.energy.synop == Figure(2.0, "pJ", Grade.measured, "a paper, table 1", low=1.0, high=3.5)
    assert profile.energy.spike_out is None
    assert profile.not_counted == ("routing",)
    assert profile.anchors[0].energy.value == 9.0
    assert profile.capacity is not None
    assert profile.capacity.missing_for_mapping == ()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("schema: 2", "schema: 1", "schema is 1, this version reads 2"),
        ("schema: 2\n", "", "schema is missing"),
        ("schema: 2", "schema: true", "schema must be a whole number, got True"),
        ("name: chip", "name: ship", "the file is called 'chip'"),
        ("title: a chip", "title: 3", "title must be a text; put it in quotes, got 3"),
        ("title: a chip", "titel: a chip", "unknown key 'titel'; did you mean title or time?"),
        ("kind: chip", "kind: chips", "kind is 'chips'; did you mean chip?"),
        ("  synop: {value: 2.0", "  synops: {value: 2.0", "energy: unknown key 'synops'; did you mean synop?"),
        ("  synop: {value: 3,", "  sinop: {value: 3,", "time: unknown key 'sinop'; did you mean synop?"),
        ("  neurons_per_core", "  neuron_per_core", "unknown key 'neuron_per_core'; did you mean neurons_per_core"),
        ("  - workload", "  - wrkload", "anchors.0: unknown key 'wrkload'; did you mean workload?"),
        ("low: 1,", "lo: 1,", "energy.synop: unknown key 'lo'; did you mean low?"),
        (', source: "a paper, table 1"', "", "energy.synop.source is missing"),
        ('"a paper, table 1"', '" "', "energy.synop: source is empty; say where the value stands"),
        ("grade: measured", "grade: mesured", "energy.synop.grade is 'mesured'; did you mean measured?"),
        ("value: 2.0", "value: two", "energy.synop.value must be a number, got 'two'"),
        ("value: 2.0", "value: '2.0'", "energy.synop.value must be a number, got '2.0'"),
        ("value: 2.0", "value: true", "energy.synop.value must be a number, got True"),
        ("value: 2.0, low: 1", "value: -2.0, low: -3", "must not be negative; check the sign"),
        ("value: 2.0", "value: .nan", "must be finite"),
        ("high: 3.5", "high: .inf", "must be finite"),
        ("low: 1,", "low: 3,", "energy.synop: value 2.0 lies outside its band (3.0, 3.5)"),
        ("unit: pJ", "unit: nJ", "energy.synop: unit is 'nJ'; it must be 'pJ'"),
        ("unit: ns", "unit: us", "time.synop: unit is 'us'; it must be 'ns'"),
        ("unit: mW", "unit: W", "power.static_per_chip: unit is 'W'; it must be 'mW'"),
        ("unit: uJ", "unit: mJ", "anchors.0.energy: unit is 'mJ'; it must be 'uJ'"),
        ("unit: neurons", "unit: cores", "capacity.neurons_per_core: unit is 'cores'; it must be 'neurons'"),
        ("[routing]", "routing", "not_counted must be a list, got 'routing'"),
        ("[routing]", "[1]", "not_counted.0 must be a text; put it in quotes, got 1"),
        (
            "  word_bits",
            "  decay_bits",
            "capacity: word_bits is missing; synapse_words_per_core means nothing without it",
        ),
        ("cores_per_chip: {value: 2", "cores_per_chip: {value: 3", "cores_per_chip is 3 but the mesh has 2 places"),
        ("  weight_bits:", "  threshold_bits:", "capacity.weight_bits is missing; a chip's events can be counted only"),
        ("kind: chip", "kind: convention", "capacity and time are a chip's but kind is 'convention'"),
        ("not_counted", MEMORY + "not_counted", "memory: base_pj and slope belong together; give both"),
        ("kind: chip", "kind: chip\nall_in: 1", "all_in must be true or false, got 1"),
        ("kind: chip", "kind: chip\nall_in: true", "all_in is true but power or memory is given"),
        ("kind: chip", "kind: chip\nkind: chip", "key 'kind' stands twice"),
        ("energy:", "energy: 3\nx:", "unknown key 'x'"),
        ("schema: 2", "schema: [", "not a readable YAML file"),
        ("schema: 2", "3: 4\nschema: 2", "3 must be a text as its key"),
        ("value: 2.0", "value: 1" + "0" * 400, "energy.synop"),
        ("title: a chip", "title: 2020-01-01", "title must be a text; put it in quotes"),
        ("title: a chip", "? [title]\n: a chip", "not a readable YAML file"),
        ("title: a chip", "title: [&all [*all]]", "title must be a text"),
        ("not_counted", "---\nnot_counted", "not a readable YAML file"),
        (GOOD, "3", "must be keys and values, got 3"),
        (GOOD, "", "must be keys and values, got None"),
        (GOOD, "!!python/object/apply:os.system [ls]", "not a readable YAML file"),
        (GOOD, "[" * 1500, "not a readable YAML file"),
    ],
)
def test_a_broken_profile_ends_with_status_2_and_one_sentence(
    tmp_path: Path, old: str, new: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert old in GOOD
    path = write(tmp_path, GOOD.replace(old, new, 1))

    def load(arguments: list[str]) -> int:
        load_profile(arguments[0])
        return 0

    assert run_command(load, "dsf-report", [str(path)]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert str(path) in error
    assert error.count("\n") == 1


DEVICE = """
schema: 2
name: chip
title: a board
kind: device
about: A board.
energy: {}
inferences:
  - workload: a dense network
    macs: {value: 1000, unit: MACs, grade: datasheet, source: "layer by layer"}
    energy: {value: 2.5, unit: uJ, grade: measured, source: "somebody"}
not_counted: [idle]
"""


def test_a_device_holds_measured_totals(tmp_path: Path) -> None:
    (inference,) = load_profile(write(tmp_path, DEVICE)).inferences
    assert inference.pj_per_mac == pytest.approx(2500.0)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("kind: device", "kind: processor", "inferences are a device's but kind is 'processor'"),
        ("inferences:", "anchors: []\nx:", "unknown key 'x'"),
        ("not_counted", "power: {static_per_chip: {value: 1, unit: mW, grade: measured, source: s}}\nnot_counted",
         "inferences hold everything; remove its energy, power and memory"),
        ("energy: {}", "energy: {mac: {value: 1, unit: pJ, grade: measured, source: s}}", "inferences hold everything"),
        ("value: 1000", "value: 0", "macs must be above 0"),
        ("unit: uJ", "unit: mJ", "unit is 'mJ'; it must be 'uJ'"),
    ],
)  # fmt: skip
def test_a_device_of_another_form_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        load_profile(write(tmp_path, DEVICE.replace(old, new, 1)))


def test_a_device_without_a_measurement_is_refused(tmp_path: Path) -> None:
    text = DEVICE[: DEVICE.index("inferences")] + "not_counted: [idle]\n"
    with pytest.raises(UserError, match="kind is device but inferences is missing"):
        load_profile(write(tmp_path, text))


@pytest.mark.parametrize("key", [field.name for field in fields(EventEnergy) if field.name != "synop"])
def test_an_all_in_profile_holds_the_synaptic_operation_alone(tmp_path: Path, key: str) -> None:
    document = yaml.safe_load(GOOD)
    del document["power"], document["capacity"], document["time"]
    document["all_in"] = True
    assert load_profile(write(tmp_path, yaml.safe_dump(document))).all_in
    document["energy"][key] = document["energy"]["synop"]
    with pytest.raises(
        UserError, match=f"all_in is true but energy also has {key}; an all-in figure may hold synop alone"
    ):
        load_profile(write(tmp_path, yaml.safe_dump(document)))


def test_an_all_in_profile_without_its_price_is_refused(tmp_path: Path) -> None:
    document = yaml.safe_load(GOOD)
    del document["power"], document["capacity"], document["time"], document["energy"]["synop"]
    document["all_in"] = True
    with pytest.raises(UserError, match="energy has no synop"):
        load_profile(write(tmp_path, yaml.safe_dump(document)))


def test_shipped_all_in_chips_are_those_whose_figure_has_everything_inside() -> None:
    assert [name for name in profile_names() if load_profile(name).all_in] == ["odin", "truenorth"]


def test_figures_that_others_rely_on() -> None:
    """Davies et al. 2018, table 2; SANA-FE's fit: active is access + update, idle access alone."""
    davies, measured, loihi2 = map(load_profile, ("loihi1-davies2018", "loihi1-measured", "loihi2"))
    assert values(davies.energy) == {
        "synop": 23.6,
        "neuron_active": 81,
        "neuron_idle": 52,
        "message_out": 1.7,
        "hop_ew": 3.0,
        "hop_ns": 4.0,
    }
    energies = values(measured.energy)
    assert energies["neuron_idle"] == 51.2
    assert energies["neuron_active"] == pytest.approx(51.2 + 21.6)
    for key, figure in vars(loihi2.energy).items():
        if figure is not None:
            assert figure.value == energies[key]
            assert figure.grade is Grade.inferred
            assert figure.band == pytest.approx((0.3 * figure.value, 2.5 * figure.value))


def values(section: object) -> dict[str, float]:
    return {key: figure.value for key, figure in vars(section).items() if figure is not None}


def test_every_priced_chip_can_be_mapped() -> None:
    for profile in map(load_profile, profile_names()):
        if profile.kind is Kind.chip and profile.has_prices and not profile.all_in:
            assert profile.capacity is not None
            assert profile.capacity.missing_for_mapping == ()


@given(
    value=st.floats(allow_nan=True, allow_infinity=True),
    low=st.none() | st.floats(),
    high=st.none() | st.floats(),
)
def test_a_figure_holds_a_band_around_its_value_or_is_refused(
    value: float, low: float | None, high: float | None
) -> None:
    try:
        figure = Figure(value, "pJ", Grade.measured, "a source", low=low, high=high)
    except ValueError:
        return
    assert figure.band[0] <= figure.value <= figure.band[1]
    assert abs(figure.value) < float("inf")


@given(data=st.data())
@settings(max_examples=200, deadline=None)
def test_a_file_with_typing_errors_loads_or_is_refused_in_one_line(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    text = GOOD
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        end = start + data.draw(st.integers(0, 12))
        text = text[:start] + data.draw(st.text("abz019 -:{}[]&*!?|>#,.'\"\n\t\0é", max_size=4)) + text[end:]
    assert "\n" not in refusal(write(tmp_path_factory.getbasetemp(), text))


def refusal(path: Path) -> str:
    """The sentence that refuses a file; empty if it loads."""
    try:
        load_profile(path)
    except UserError as error:
        return str(error)
    return ""


def test_a_misspelt_capacity_key_brings_its_neighbour_for_every_key(tmp_path: Path) -> None:
    for field in fields(Capacity):
        text = GOOD.replace(
            "energy:", f"  {field.name}x: {{value: 1, unit: bits, grade: inferred, source: s}}\nenergy:", 1
        )
        with pytest.raises(UserError, match=f"unknown key '{field.name}x'; did you mean .*{field.name}"):
            load_profile(write(tmp_path, text))


def test_an_unknown_name_brings_the_nearest() -> None:
    with pytest.raises(UserError, match="did you mean loihi1-davies2018"):
        load_profile("loihi1-davis2018")


def test_a_capacity_may_be_that_of_a_shipped_profile(tmp_path: Path) -> None:
    document = {**yaml.safe_load(GOOD), "capacity": "loihi1-davies2018"}
    profile = load_profile(write(tmp_path, yaml.safe_dump(document)))
    assert profile.capacity == load_profile("loihi1-davies2018").capacity
    document["capacity"] = "loihi1-davis2018"
    with pytest.raises(UserError, match="capacity names 'loihi1-davis2018', which is no profile: did you mean loihi1-"):
        load_profile(write(tmp_path, yaml.safe_dump(document)))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no profile file"):
        load_profile(tmp_path / "none.yaml")


def test_a_binary_file_is_not_yaml(tmp_path: Path) -> None:
    (tmp_path / "chip.yaml").write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(UserError, match="not a readable YAML file"):
        load_profile(tmp_path / "chip.yaml")


@pytest.mark.parametrize(
    ("written", "value"),
    [("236e-1", 23.6), ("062", 62.0), ("0o17", 15.0), ("0x1F", 31.0), ("2.36e+1", 23.6), (".5", 0.5)],
)
def test_numbers_are_those_of_yaml_1_2(tmp_path: Path, written: str, value: float) -> None:
    text = GOOD.replace("{value: 2.0, low: 1, high: 3.5, unit: pJ", f"{{value: {written}, unit: pJ")
    energy = load_profile(write(tmp_path, text)).energy
    assert energy is not None
    assert energy.synop is not None
    assert energy.synop.value == value


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("23,6", "energy.synop: 6 stands as a key; write a number with a point, not a comma"),
        ("'23,6'", "write it with a point, not a comma"),
        ("1:30", "energy.synop.value must be a number, got '1:30'"),
        ("1_000", "energy.synop.value must be a number, got '1_000'"),
    ],
)
def test_what_is_no_number_is_told(tmp_path: Path, written: str, words: str) -> None:
    text = GOOD.replace("{value: 2.0, low: 1, high: 3.5, unit: pJ", f"{{value: {written}, unit: pJ")
    with pytest.raises(UserError) as refused:
        load_profile(write(tmp_path, text))
    assert words in str(refused.value)
