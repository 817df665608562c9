"""Mapping files of imports: what they may say, and what is said when they are wrong."""

from pathlib import Path

import pytest

from config.errors import ConfigError
from config.readingsform import Form, Place, Source, TimeForm, layout, load


def test_yaml_and_toml_say_the_same(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(
        "columns: {meter: 表号, time: 时间}\nfixed: {uscc: '007', quantity: heat}\nwide:\n  A: {unit: MJ}\n"
    )
    (tmp_path / "a.toml").write_text(
        '[columns]\nmeter = "表号"\ntime = "时间"\n[fixed]\nuscc = "007"\nquantity = "heat"\n'
        '[wide]\nA = {unit = "MJ"}\n'
    )
    assert load(tmp_path / "a.yaml") == load(tmp_path / "a.toml")
    assert load(tmp_path / "a.yaml").wide == {"A": Place(unit="MJ")}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("colums: {}", "did you mean columns"),
        ("time: {zone: Asia/Peking}", "IANA"),
        ("time: {format: '%d.%m.%y'}", "is not a time format"),
        ("fixed: {quantity: heat, unit: kW}", "does not measure heat"),
        ("fixed: {meter: a, metering_point: b}", "give one of them"),
        ("quantities: {a: activ_power}", "use active_power"),
        ("csv: {encoding: utf-16}", "save the file as UTF-8"),
        ("csv: {skip: x}", "csv.skip"),
        ("a: [", "cannot be read"),
        ("[]", "is not a mapping"),
    ],
)
def test_faults_name_file_and_what_to_do(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "m.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError) as error:
        load(file)
    assert said in str(error.value)
    assert "m.yaml" in str(error.value)


def test_a_plain_file_needs_no_mapping() -> None:
    found = layout(Form(), ["USCC", "Meter", "quantity", "time", "value", "note"], "f:1")
    assert (found.time, found.wide, found.unused) == ("time", False, ("note",))
    assert found.series[0].fields["meter"] == Source("Meter")


def test_columns_named_as_quantities_make_a_wide_file() -> None:
    found = layout(Form(), ["uscc", "metering_point", "time", "heat", "active_power"], "f:1")
    assert found.wide
    assert [(one.column, one.fields["quantity"].text) for one in found.series] == [
        ("heat", "heat"),
        ("active_power", "active_power"),
    ]


def test_a_column_for_each_metering_point() -> None:
    form = Form(fixed=Place(uscc="U", quantity="heat"), wide="metering_point", time=TimeForm(zone="UTC"))
    found = layout(form, ["time", "E-1", "E-2"], "f:1")
    assert [one.fields["metering_point"].text for one in found.series] == ["E-1", "E-2"]


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (["uscc", "meter", "quantity", "value"], "no column time"),
        (["uscc", "meter", "quantity", "time"], "no column value"),
        (["uscc", "quantity", "time", "value"], "meter or metering_point"),
        (["time", "value", "value", "meter"], "two columns are named 'value'"),
    ],
)
def test_what_a_header_lacks(header: list[str], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        layout(Form(), header, "f:1")


def test_a_named_column_that_is_not_there() -> None:
    with pytest.raises(ConfigError, match="f:3: has no column 'Zeit' for time; use Zeiten"):
        layout(Form(columns={"time": "Zeit"}), ["Zeiten", "value"], "f:3")
