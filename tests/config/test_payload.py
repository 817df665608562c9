"""Payload mappings: what a user writes wrong is named with file, line and key."""

from pathlib import Path

import pytest

from config.errors import ConfigError
from config.payload import PayloadMapping, load, mappings

GOOD = """\
name = "mine"
source = "My gateway's manual"
values = [
  { quantity = "active_energy_import", pointer = "/e", unit = "Wh", modulus = 1e9, resolution = 1 },
  { quantity = "active_power", pointer = "/p", unit_pointer = "/u" },
]
side = "secondary"

[time]
pointer = "/t"
format = "iso"
zone = "Asia/Shanghai"
"""


def write(folder: Path, text: str, name: str = "mine") -> Path:
    file = folder / f"{name}.toml"
    file.write_text(text, "utf-8")
    return file


def test_a_good_file_gives_a_mapping(tmp_path: Path) -> None:
    mapping = load(write(tmp_path, GOOD))
    energy = mapping.value("active_energy_import")
    assert mapping.quantities == ("active_energy_import", "active_power")
    assert energy.canonical_modulus == pytest.approx(1e6)
    assert energy.canonical_resolution == pytest.approx(1e-3)
    assert (mapping.ratio("active_energy_import"), mapping.value("active_power").canonical_resolution) == ("ct*pt", 0)
    assert PayloadMapping.model_validate_json(mapping.model_dump_json()) == mapping
    with pytest.raises(KeyError, match="has no volume"):
        mapping.value("volume")


@pytest.mark.parametrize(
    ("old", "new", "place", "what"),
    [
        ('"/e"', '"e"', ":4 values[0].pointer", "pattern"),
        ('"/e"', '"/a~2"', ":4 values[0].pointer", "pattern"),
        ('unit = "Wh"', 'unit = "V"', ":4 values[0].unit", "does not measure"),
        ('unit_pointer = "/u"', "scale = 2", ":5 values[1]", "needs either unit or unit_pointer"),
        ('unit = "Wh"', 'unit = "Wh", unit_pointer = "/u"', ":4 values[0]", "needs either unit or unit_pointer"),
        ('"active_power"', '"power"', ":5 values[1].quantity", "unknown quantity"),
        ('"active_power"', '"active_energy_import"', "", "stands twice"),
        ('"iso"', '"unix"', ":11 time.format", "'unix'"),
        ("Asia/Shanghai", "China", ":12 time.zone", "not an IANA time zone"),
        ("My gateway's manual", "", ":2 source", "at least 1"),
        ("zone =", "zoen =", ":12 time.zoen", "not a known key"),
        ('name = "mine"', 'name = "yours"', ":1 name", "the file of mapping"),
    ],
)
def test_each_fault_names_its_place(tmp_path: Path, old: str, new: str, place: str, what: str) -> None:
    assert old in GOOD
    with pytest.raises(ConfigError) as caught:
        load(write(tmp_path, GOOD.replace(old, new)))
    file = str(tmp_path / "mine.toml")
    assert any(f.where.startswith(file + place) and what in f.what and f.fix for f in caught.value.faults), str(
        caught.value
    )


def test_a_users_directory_adds_to_the_shipped_ones(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    assert set(mappings(tmp_path)) == {*mappings(), "mine"}
    write(tmp_path, GOOD.replace("mine", "flat"), "flat")
    with pytest.raises(ConfigError, match="flat is the name of a shipped file"):
        mappings(tmp_path)
