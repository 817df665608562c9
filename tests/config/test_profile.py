"""Profiles: what a user writes wrong is named with file, line and key, all at once."""

from pathlib import Path

import pytest

from config.errors import ConfigError, Fault
from config.profile import Profile, Register
from config.profilefiles import SHIPPED, load, profiles, table, text_of
from protocols.example import try_file

GOOD = """\
name = "mine"
maker = "Maker"
model = "M1"
source = "M1 manual, page 12"
verified = true
function = 4
side = "secondary"
registers = [
  { quantity = "active_energy_import", address = 0x10, type = "uint32", unit = "Wh", scale = 100 },
  { quantity = "voltage_a", address = 0x14, type = "uint16", unit = "V", scale = 0.1, side = "primary" },
]

[example]
absent = ["voltage_a"]
image = [{ function = 4, address = 0x10, words = "0001 86A0 0000 0000 FFFF" }]
expect = { active_energy_import = 10000 }
"""
DOUBLE = '  { quantity = "voltage_a", address = 0x15, type = "uint16", unit = "V" },\n'


def write(folder: Path, text: str, name: str = "mine") -> Path:
    file = folder / f"{name}.toml"
    file.write_text(text, "utf-8")
    return file


def faults(folder: Path, *replaced: tuple[str, str]) -> list[Fault]:
    text = GOOD
    for old, new in replaced:
        assert old in text
        text = text.replace(old, new)
    with pytest.raises(ConfigError) as caught:
        load(write(folder, text))
    return list(caught.value.faults)


def test_a_good_file_gives_a_profile(tmp_path: Path) -> None:
    profile = load(write(tmp_path, GOOD))
    energy, voltage = profile.registers
    assert (energy.function, energy.side, voltage.side, voltage.order) == (4, "secondary", "primary", "ABCD")
    assert (energy.ratio, voltage.ratio) == ("ct*pt", "none")
    assert energy.canonical_scale == pytest.approx(0.1)
    assert energy.canonical_modulus == pytest.approx(2**32 * 0.1)
    assert energy.canonical_resolution == pytest.approx(0.1)
    assert voltage.canonical_modulus is None


@pytest.mark.parametrize(
    ("kind", "given", "modulus", "resolution"),
    [
        ("uint32", {}, 2.0**32, 1.0),
        ("uint32", {"modulus": 1e8, "resolution": 10}, 1e8, 10.0),
        ("bcd32", {}, 1e8, 1.0),
        ("uint16", {"bits": [0, 11]}, 4096.0, 1.0),
        ("int32", {}, None, 1.0),
        ("float32", {}, None, 0.0),
    ],
)
def test_modulus_and_resolution(kind: str, given: dict[str, object], modulus: float, resolution: float) -> None:
    register = Register.model_validate({"quantity": "mass", "address": 0, "unit": "t", "type": kind, **given})
    assert register.canonical_modulus == modulus
    assert register.canonical_resolution == resolution


@pytest.mark.parametrize(
    ("old", "new", "line", "key", "what"),
    [
        ("verified = true\n", "", None, "verified", "is missing"),
        ('source = "M1 manual, page 12"', 'source = ""', 4, "source", "at least 1 character"),
        ("verified = true", "verified = true\nregster = 1", 6, "regster", "is not a known key"),
        ('"voltage_a", address', '"volts", address', 10, "registers[1].quantity", "unknown quantity 'volts'"),
        ('unit = "V"', 'unit = "kWh"', 10, "registers[1].unit", "does not measure voltage_a"),
        ('unit = "V"', 'unti = "V"', 10, "registers[1].unti", "is not a known key"),
        ("address = 0x14", "address = 0x11", 10, "registers[1]", "overlaps active_energy_import at 0x0010"),
        ('"uint32", unit = "Wh"', '"uint32", unit = "V"', 9, "registers[0].unit", "known: kWh, Wh"),
        ("address = 0x14", "address = 70000", 10, "registers[1].address", "less than or equal to 65535"),
        ("scale = 100", "scale = 0", 9, "registers[0].scale", "loses or turns back"),
        ("scale = 100", "scale = -1", 9, "registers[0].scale", "loses or turns back"),
        ("scale = 0.1", "modulus = 10", 10, "registers[1].modulus", "cannot roll over"),
        ("scale = 0.1", "bits = [3, 16]", 10, "registers[1].bits", "do not lie in a uint16"),
        ("scale = 0.1", "sentinels = [65536]", 10, "registers[1].sentinels", "not a raw pattern"),
        ('"uint16"', '"uint24"', 10, "registers[1].type", "'uint24'"),
        ("function = 4\nside", "function = 1\nside", 6, "function", "1"),
        ("function = 4\nside", "forbidden = [[0x13, 0x20]]\nside", 10, "registers[1]", "forbidden range"),
        ("function = 4\nside", "max_registers = 1\nside", 9, "registers[0]", "cannot be read"),
        ('"voltage_a"', '"active_energy_import"', 10, "registers[1].unit", "does not measure active_energy_import"),
        ("]\n\n[ex", DOUBLE + "]\n\n[ex", 11, "registers[2]", "stands twice, also at 0x0014"),
        ('name = "mine"', 'name = "yours"', 1, "name", "the file of profile 'yours'"),
    ],
)
def test_each_fault_names_its_place(tmp_path: Path, old: str, new: str, line: int | None, key: str, what: str) -> None:
    found = faults(tmp_path, (old, new))
    place = f"{tmp_path / 'mine.toml'}:{line} {key}" if line else f"{tmp_path / 'mine.toml'} {key}"
    assert any(fault.where == place and what in fault.what and fault.fix for fault in found), found


def test_all_faults_come_at_once(tmp_path: Path) -> None:
    found = faults(
        tmp_path,
        ("verified = true\n", ""),
        ('unit = "Wh"', 'unit = "V"'),
        ("scale = 0.1", "sacle = 0.1"),
        (
            "\n]\n",
            '\n  { quantity = "mass", address = 1, type = "uint32", unit = "t" },'
            '\n  { quantity = "heat", address = 2, type = "uint32", unit = "GJ" },\n]\n',
        ),
    )
    assert [fault.what for fault in found if "overlaps" in fault.what] == ["heat at 0x0002 overlaps mass at 0x0001"]
    assert len(found) >= 4
    assert any("did you mean scale" in fault.fix for fault in found)


def test_unreadable_files_are_named(tmp_path: Path) -> None:
    for text in ("name = ", "\0"):
        with pytest.raises(ConfigError, match="cannot be read as TOML"):
            load(write(tmp_path, text))
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path / "none.toml")


def test_a_users_directory_adds_to_the_shipped_ones(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    assert set(profiles(tmp_path)) == {*profiles(), "mine"}
    assert "mine" in table(tmp_path)
    assert text_of("mine", tmp_path) == GOOD
    shipped = (SHIPPED / "eastron-sdm630.toml").read_text("utf-8")
    write(tmp_path, shipped, "eastron-sdm630")
    write(tmp_path, GOOD.replace("uint32", "uint23").replace("mine", "other"), "other")
    with pytest.raises(ConfigError) as caught:
        profiles(tmp_path)
    assert {Path(fault.where.split(":")[0]).stem for fault in caught.value.faults} == {"eastron-sdm630", "other"}


def test_list_and_show_name_the_shipped_ones() -> None:
    assert "Chint" in table()
    assert "source = " in text_of("chint-dtsu666")
    with pytest.raises(ConfigError, match="is not known"):
        text_of("nothing")


def test_trying_a_file_plans_it_and_decodes_its_example(tmp_path: Path) -> None:
    report = try_file(write(tmp_path, GOOD))
    assert "mine: 2 registers, 1 requests" in report
    assert "the example gives the 1 values expected" in report
    with pytest.raises(ConfigError, match=r"active_energy_import is 10000\.0, expected 10001"):
        try_file(write(tmp_path, GOOD.replace("= 10000 ", "= 10001 ")))
    with pytest.raises(ConfigError, match=r"0x0014 .* is not in the image"):
        try_file(write(tmp_path, GOOD.replace(" FFFF", "")))
    with pytest.raises(ConfigError, match=r"voltage_a is 1\.0, expected to be absent"):
        try_file(write(tmp_path, GOOD.replace("FFFF", "000A")))
    assert "no [example]" in try_file(write(tmp_path, GOOD.split("[example]")[0]))


def test_a_profile_from_the_registry_is_checked_as_a_whole() -> None:
    body = profiles()["acrel-adw300"].model_dump()
    body["registers"][1]["address"] = body["registers"][0]["address"]
    with pytest.raises(ValueError, match="overlaps"):
        Profile.model_validate(body)
