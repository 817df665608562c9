"""The registry file: what it may say, and that each fault names file, line and key and says what to do."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from config import payload, profilefiles
from config.errors import ConfigError
from config.registry import load
from config.registry_checks import Registry, check
from config.registry_models import DRIVERS, Enterprise
from config.registry_text import to_yaml

USCC = "91110000600037341L"
OTHER = "91350100M000100Y43"
TEN_LINES = """\
enterprises:
  - uscc: 91110000600037341L
    name: Beijing Example Works
    region: "110105"
    industry: C31
    metering_points:
      - {code: E-1, name: Main incomer, carrier: electricity}
    meters:
      - {code: M-1, profile: chint-dtsu666, at: E-1, from: 2026-01-01T00:00:00+08:00, ct: 100,
         driver: modbus-tcp, address: 10.0.0.5:502, unit: 1, every: 60s}
"""
HEAD = "enterprises:\n- uscc: 91110000600037341L\n  name: Works\n  region: 110105\n"
POINTS = """\
  metering_points:
  - {code: E-1, name: One, carrier: electricity}
  - {code: E-2, name: Two, carrier: electricity, level: 2, parent: E-1}
  - {code: W-1, name: Water, carrier: water}
"""
FROM = "from: 2026-01-01T00:00:00+08:00"
TCP = "profile: chint-dtsu666, driver: modbus-tcp"


def faults_of(folder: Path, text: str, **files: str) -> list[str]:
    """All faults of a registry file, with the folder's name taken off."""
    (folder / "registry.yaml").write_text(text, "utf-8")
    for name, content in files.items():
        (folder / f"{name}.csv").write_text(content, "utf-8")
    with pytest.raises(ConfigError) as caught:
        load(folder / "registry.yaml")
    return [str(fault).replace(f"{folder}/", "") for fault in caught.value.faults]


def loaded(folder: Path, text: str, **files: str) -> Enterprise:
    (folder / "registry.yaml").write_text(text, "utf-8")
    for name, content in files.items():
        (folder / f"{name}.csv").write_text(content, "utf-8")
    (enterprise,) = load(folder / "registry.yaml").enterprises
    return enterprise


def meter(keys: str) -> str:
    """A file with one faulty meter, on line 10."""
    return f"{HEAD}{POINTS}  meters:\n  - {{code: M-1, {keys}}}\n"


def point(keys: str) -> str:
    """A file with one faulty metering point, on line 6."""
    return f"{HEAD}  metering_points:\n  - {{{keys}}}\n"


def test_ten_lines_suffice(tmp_path: Path) -> None:
    enterprise = loaded(tmp_path, TEN_LINES)
    (place,) = enterprise.metering_points
    (device,) = enterprise.meters
    assert (enterprise.zone, place.level, place.direction, place.boundary) == ("Asia/Shanghai", 1, "import", True)
    assert (device.address, device.unit, device.every) == ("10.0.0.5:502", 1, 60)
    (installation,) = device.installations
    assert installation.start == datetime(2025, 12, 31, 16, tzinfo=UTC)
    assert (installation.ct, installation.pt, installation.end) == (100, 1, None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("enterprises: [a\nb: {", "registry.yaml:2: cannot be read"),
        ("enterprises:\n\t- uscc: 1\n", "registry.yaml:2: cannot be read"),
        ("", "registry.yaml:1: is empty; begin with `enterprises:`"),
        ("- 1\n", "registry.yaml:1: is not a mapping; begin with `enterprises:`"),
        ("enterprise: []\n", "registry.yaml:1 enterprise: is not a known key; did you mean enterprises?"),
        ("enterprises: 3\n", "registry.yaml:1 enterprises: is not a list; write a list"),
        ("enterprises:\n- 3\n", "registry.yaml:1 enterprises[0]: is not a mapping; write `key: value` pairs"),
        (
            HEAD.replace("341L", "342L"),
            "registry.yaml:2 enterprises[0].uscc: '91110000600037342L' has a wrong check digit; copy the code anew",
        ),
        (
            HEAD.replace("91110000600037341L", "123"),
            "registry.yaml:2 enterprises[0].uscc: '123' is not a unified social credit code; give the 18 characters",
        ),
        (
            HEAD.replace("110105", "990105"),
            "registry.yaml:4 enterprises[0].region: '990105' is not a region code; give the 6 digits",
        ),
        (
            HEAD.replace("  name: Works\n", ""),
            "registry.yaml:2 enterprises[0].name: is missing; give its name",
        ),
        (
            f"{HEAD}  industry: Z9\n",
            "registry.yaml:5 enterprises[0].industry: 'Z9' is not an industry code; give a letter A-T",
        ),
        (
            f"{HEAD}  zone: Asia/Peking\n",
            "registry.yaml:5 enterprises[0].zone: unknown zone 'Asia/Peking'; give an IANA zone",
        ),
        (
            f"{HEAD}  industri: C\n",
            "registry.yaml:5 enterprises[0].industri: is not a known key; did you mean industry?",
        ),
        (f"{HEAD}  name: Two\n", "registry.yaml:5 enterprises[0].name: is given twice; keep this or the one on line 3"),
        (f"{HEAD}  site: a b\n", "registry.yaml:5 enterprises[0].site: 'a b': String should match"),
        (
            f"{HEAD}  meters: {{a: 1}}\n",
            "registry.yaml:5 enterprises[0].meters: is not a list; write a list, or the name",
        ),
        (
            HEAD + HEAD.removeprefix("enterprises:\n"),
            "registry.yaml:5 enterprises[1].uscc: enterprise 91110000600037341L stands twice; one enterprise stands at",
        ),
    ],
)
def test_faults_of_file_and_enterprise(tmp_path: Path, text: str, expected: str) -> None:
    (fault,) = faults_of(tmp_path, text)
    assert fault.startswith(expected)


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("code: a b, name: N, carrier: water", "code: 'a b' is not a code; use up to 64"),
        ("code: E, carrier: water", "name: is missing; give its name"),
        ("code: E, name: N", "carrier: is missing; give its carrier, one of electricity"),
        ("code: E, name: N, carrier: electrcity", "carrier: unknown carrier 'electrcity'; did you mean electricity?"),
        ("code: E, name: N, carrier: water, level: 4", "level: '4': Input should be less than or equal to 3; give 1"),
        ("code: E, name: N, carrier: water, level: one", "level: 'one': Input should be a valid integer"),
        ("code: E, name: N, carrier: water, direction: in", "direction: 'in': Input should be 'import'"),
        ("code: E, name: N, carrier: water, boundary: maybe", "boundary: 'maybe': Input should be a valid boolean"),
        ("code: E, name: [N], carrier: water", "name: a list: Input should be a valid string; give its name"),
        ('code: E, name: "a\\nb", carrier: water', "name: 'a\\nb' holds characters that do not print"),
        ("code: E, name: N, carrier: water, quantities: [volum]", "quantities: unknown quantity 'volum'; did you mean"),
        (
            "code: E, name: N, carrier: water, quantities: [voltage_a]",
            "quantities: voltage_a does not measure water; use",
        ),
        (
            "code: E, name: N, carrier: electricity, quantities: mass",
            "quantities: mass does not measure electricity; use",
        ),
        ("code: E, name: N, carrier: water, parent: X", "parent: unknown metering point 'X'; use one of E"),
        ("code: E, name: N, carrier: water, parent: E", "parent: is its own parent: E > E; break the circle"),
    ],
)
def test_faults_of_a_metering_point(tmp_path: Path, keys: str, expected: str) -> None:
    (fault,) = faults_of(tmp_path, point(keys))
    assert fault.startswith(f"registry.yaml:6 enterprises[0].metering_points[0].{expected}")


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("profil: x", "profil: is not a known key; did you mean profile?"),
        ("profile: chint-dtsu66", "profile: unknown profile 'chint-dtsu66'; did you mean chint-dtsu666?"),
        ("driver: mqtt, mapping: flatt", "mapping: unknown mapping 'flatt'; did you mean flat?"),
        ("driver: modbus, profile: chint-dtsu666", "driver: unknown driver 'modbus'; did you mean modbus-tcp?"),
        ("driver: modbus-tcp, address: '1:502'", "profile: is missing; modbus-tcp needs a profile; add it"),
        ("driver: mqtt", "mapping: is missing; mqtt needs a mapping; add it"),
        ("address: '1:502'", "address: needs a driver; add driver: modbus-tcp"),
        (f"{TCP}", "address: '' is not an address for modbus-tcp; write it like 10.0.0.5:502"),
        (f"{TCP}, address: 10.0.0.5", "address: '10.0.0.5' is not an address for modbus-tcp; write it like"),
        (f"{TCP}, address: 10.0.0.5:70000", "address: '10.0.0.5:70000' is not an address for modbus-tcp"),
        (
            "driver: mqtt, mapping: flat, address: '1:2'",
            "address: '1:2' is not an address for mqtt; remove it: by mqtt",
        ),
        ("driver: mqtt-broker, mapping: flat, address: h:1", "address: 'h:1' is not an address for mqtt-broker; write"),
        ("driver: mqtt, mapping: flat, unit: 3", "unit: mqtt has no unit ids; remove it"),
        (
            f"{TCP}, address: 'a:1', unit: 256",
            "unit: '256': Input should be less than or equal to 255; give the Modbus",
        ),
        (f"{TCP}, address: 'a:1', every: 60", "every: '60' is not a time between readings; write it like 10s"),
        (f"{TCP}, address: 'a:1', baud: 0", "baud: '0': Input should be greater than or equal to 300"),
        (
            f"{TCP}, address: 'a:1', expected_from: 2026-01-01",
            "expected_from: '2026-01-01' has no offset from UTC; write it like",
        ),
        ("expected_from: 2026-01-01T00:00:00Z", "expected_from: needs a driver; add driver: modbus-tcp"),
        (f"{TCP}, address: 'a:1', enabled: perhaps", "enabled: 'perhaps': Input should be a valid boolean"),
        ("rated_per_hour: -1", "rated_per_hour: '-1': Input should be greater than 0; give the most"),
        ("state: broken", "state: 'broken': Input should be 'qualified'"),
        ("verified_until: soon", "verified_until: 'soon': Input should be a valid date"),
        (f"profile: chint-dtsu666, at: E-9, {FROM}", "at: unknown metering point 'E-9'; did you mean E-2?"),
        (f"{FROM}", "at: is missing; give the code of the metering point"),
        ("profile: chint-dtsu666, at: E-1", "from: is missing; give the time the meter was put there"),
        (
            "profile: chint-dtsu666, at: E-1, from: 2026-01-01T00:00:00",
            "from: '2026-01-01T00:00:00' has no offset from",
        ),
        (
            "profile: chint-dtsu666, at: E-1, from: 2026-01-01",
            "from: '2026-01-01' has no offset from UTC; write it like",
        ),
        (
            "profile: chint-dtsu666, at: E-1, from: noon",
            "from: 'noon' is not a time; write it like 2026-01-01T00:00:00",
        ),
        (f"profile: chint-dtsu666, at: E-1, {FROM}, to: 2025-01-01T00:00:00Z", "to: is not later than `from`; correct"),
        (f"profile: chint-dtsu666, at: E-1, {FROM}, ct: 0", "ct: '0': Input should be greater than 0; give primary"),
        (f"profile: chint-dtsu666, at: E-1, {FROM}, pt: -2", "pt: '-2': Input should be greater than 0; give primary"),
        (f"profile: chint-dtsu666, at: E-1, {FROM}, ct: NaN", "ct: 'NaN': Input should be a finite number"),
        (f"profile: chint-dtsu666, at: E-1, {FROM}, pt: .inf", "pt: '.inf': Input should be a valid number"),
        (f"profile: chint-dtsu666, at: E-1, {FROM}, initial: {{kwh: 1}}", "initial.kwh: unknown register 'kwh'"),
        (
            f"profile: chint-dtsu666, at: E-1, {FROM}, final: {{volume: x}}",
            "final.volume: 'x': Input should be a valid",
        ),
        (
            f"profile: chint-dtsu666, at: E-1, {FROM}, ratios: [{{from: 2025-01-01T00:00:00Z, ct: 2}}]",
            "ratios: the ratio from 2025-01-01T00:00:00+00:00 is out of order or out of the installation; list ratios",
        ),
        (f"at: E-1, {FROM}, installations: []", "at: stands beside `installations`; put it into the list"),
        (
            f"profile: chint-dtsu666, at: W-1, {FROM}",
            "at: profile chint-dtsu666 does not give volume, which counts water",
        ),
        ("point: {name: X, carrier: water}", "point: a metering point needs its code in `at` and its keys here; write"),
        (
            f"profile: chint-dtsu666, at: E-3, {FROM}, point: {{name: X, carrier: water, lvl: 1}}",
            "point.lvl: is not a known key; did you mean level?",
        ),
    ],
)
def test_faults_of_a_meter(tmp_path: Path, keys: str, expected: str) -> None:
    (fault,) = faults_of(tmp_path, meter(keys))
    assert fault.startswith(f"registry.yaml:10 enterprises[0].meters[0].{expected}")


def test_circle_and_levels_of_parents(tmp_path: Path) -> None:
    text = HEAD + (
        "  metering_points:\n"
        "  - {code: A, name: N, carrier: water, level: 1, parent: C}\n"
        "  - {code: B, name: N, carrier: water, level: 2, parent: A}\n"
        "  - {code: C, name: N, carrier: water, level: 3, parent: B}\n"
        "  - {code: D, name: N, carrier: water, level: 2, parent: E}\n"
        "  - {code: E, name: N, carrier: water, level: 2}\n"
    )
    assert [fault.split(";")[0] for fault in faults_of(tmp_path, text)] == [
        "registry.yaml:6 enterprises[0].metering_points[0].parent: is its own parent: A > C > B > A",
        "registry.yaml:7 enterprises[0].metering_points[1].parent: is its own parent: B > A > C > B",
        "registry.yaml:8 enterprises[0].metering_points[2].parent: is its own parent: C > B > A > C",
        "registry.yaml:9 enterprises[0].metering_points[3].parent: parent E of level 2 is not above level 2",
    ]


def test_overlapping_installations(tmp_path: Path) -> None:
    text = (
        f"{HEAD}{POINTS}  meters:\n"
        "  - code: M-1\n"
        "    profile: chint-dtsu666\n"
        "    installations:\n"
        "    - {at: E-2, from: 2026-03-01T00:00:00Z}\n"
        "    - {at: E-1, from: 2026-01-01T00:00:00Z, to: 2026-04-01T00:00:00Z}\n"
        f"  - {{code: M-2, profile: chint-dtsu666, at: E-2, {FROM}}}\n"
    )
    first, second = faults_of(tmp_path, text)
    assert first.startswith(
        "registry.yaml:13 enterprises[0].meters[0].installations[0].from: meter M-1 is still at E-1"
    )
    assert "a `to` not later than 2026-03-01T00:00:00+00:00" in first
    assert second.startswith(
        "registry.yaml:13 enterprises[0].meters[0].installations[0].from: meter M-2 is still at E-2"
    )


def test_two_meters_at_one_address(tmp_path: Path) -> None:
    line = f"  - {{code: %s, {TCP}, address: 'Gateway:502', unit: %d}}\n"
    text = f"{HEAD}  meters:\n" + line % ("M-1", 1) + line % ("M-2", 2) + line.replace("G", "g") % ("M-3", 1)
    (fault,) = faults_of(tmp_path, text)
    assert fault == (
        "registry.yaml:8 enterprises[0].meters[2].address: meter M-1 has the address gateway:502 unit 1 too; "
        "correct the address or the unit"
    )


def test_a_plan_that_cannot_fit_its_line(tmp_path: Path) -> None:
    line = f"  - {{code: M-%d, {TCP}, address: 'gw:502', unit: %d, every: 1s, baud: 1200}}\n"
    text = f"{HEAD}  meters:\n" + "".join(line % (number, number) for number in (1, 2))
    (fault,) = faults_of(tmp_path, text)
    assert fault.startswith("registry.yaml:6 enterprises[0].meters[0].every: gw:502 with 2 meters would be busy")
    assert "spread them over more lines" in fault
    loaded(tmp_path, text.replace("every: 1s", "every: 30s"))


def test_all_faults_come_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = meter("profile: nope, at: E-7, from: x, ct: 0, driver: modbus-tcp, address: y, foo: 1").replace(
        "110105", "1"
    )
    keys = [fault.split(" ")[1].rpartition(".")[2] for fault in faults_of(tmp_path, text)]
    assert keys[0] == "region:"
    assert set(keys) == {"region:", "profile:", "at:", "from:", "ct:", "address:", "foo:"}


def test_a_faulty_meter_is_still_compared_with_others(tmp_path: Path) -> None:
    text = (
        f"{HEAD}  meters:\n"
        f"  - {{code: M-1, {TCP}, address: 'a:1', rated_per_hour: x}}\n"
        f"  - {{code: M-2, {TCP}, address: 'a:1', every: soon}}\n"
    )
    assert [fault.split(": ")[0].rpartition(".")[2] for fault in faults_of(tmp_path, text)] == [
        "rated_per_hour",
        "every",
        "address",
    ]


def test_missing_and_unreadable_files(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.yaml: cannot be read: No such file or directory"):
        load(tmp_path / "absent.yaml")
    (tmp_path / "gbk.yaml").write_bytes("enterprises:\n- name: 水泥厂\n".encode("gbk"))
    with pytest.raises(ConfigError, match=r"gbk\.yaml:2: is not UTF-8; save it as UTF-8"):
        load(tmp_path / "gbk.yaml")


TABLE = f"""\
defaults: {{profile: chint-dtsu666, driver: modbus-tcp, every: 60s, {FROM}, ct: 100}}
enterprises:
- uscc: 91110000600037341L
  name: Works
  region: 110105
  defaults: {{ct: 40, point: {{carrier: electricity, level: 3}}}}
  meters: meters.csv
"""


def test_300_meters_need_one_profile_and_a_table(tmp_path: Path) -> None:
    rows = [f"M-{n},E-{n},10.0.0.{n // 30}:502,{n % 30 + 1},Line {n}" for n in range(300)]
    table = "\n".join(["code,at,address,unit,point.name", *rows])
    enterprise = loaded(tmp_path, TABLE, meters=table)
    assert len(enterprise.meters) == len(enterprise.metering_points) == 300
    last, place = enterprise.meters[-1], enterprise.metering_points[-1]
    assert (last.code, last.address, last.unit, last.profile) == ("M-299", "10.0.0.9:502", 30, "chint-dtsu666")
    assert last.installations[0].ct == 40
    assert (place.code, place.name, place.carrier, place.level) == ("E-299", "Line 299", "electricity", 3)


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ("code,adress\nM-1,x\n", "meters.csv:1 column adress: is not a known key; did you mean address?"),
        ("code,point.nam,at\nM-1,x,E\n", "meters.csv:1 column point.nam: is not a known key; did you mean name?"),
        ("code,code\n1,2\n", "meters.csv:1: a column has no name or another's name; name each column once"),
        ("code,address\n1,2,3\n", "meters.csv:2: has 3 cells for 2 columns; quote texts that hold a comma"),
        ('code,address\n1,"2\n', "meters.csv:2: cannot be read: unexpected end of data; close every quote"),
        ("code,address,unit\nM-1,a:1,\n\nM-2,b:1,x\n", "meters.csv:4 unit: 'x': Input should be a valid integer"),
        ("code,address\nM-1,a:1\nM-1,b:1\n", "meters.csv:3 code: meter M-1 stands twice; one meter stands at"),
        ("code,address,initial.volume\nM-1,a:1,3\n", "meters.csv:2 at: is missing; give the code"),
    ],
)
def test_faults_of_a_table(tmp_path: Path, table: str, expected: str) -> None:
    assert faults_of(tmp_path, TABLE, meters=table)[0].startswith(expected)


def test_a_fault_in_the_defaults_is_told_once(tmp_path: Path) -> None:
    table = "code,at,address,unit,point.name\n" + "".join(f"M-{n},E-{n},a:1,{n},N\n" for n in (1, 2, 3))
    (fault,) = faults_of(tmp_path, TABLE.replace("every: 60s", "every: often"), meters=table)
    assert fault.startswith("registry.yaml:1 defaults.every: 'often' is not a time between readings")
    (fault,) = faults_of(tmp_path, TABLE.replace("every: 60s", "evry: 60s"), meters=table)
    assert fault.startswith("registry.yaml:1 defaults.evry: is not a known key; did you mean every?")


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    (fault,) = faults_of(tmp_path, TABLE)
    assert fault == "meters.csv: cannot be read: No such file or directory; give an existing file"


def test_texts_stay_what_was_written(tmp_path: Path) -> None:
    text = meter(f"serial: 007, maker: no, model: 1e3, profile: chint-dtsu666, at: E-1, {FROM}")
    device = loaded(tmp_path, text).meters[0]
    assert (device.serial, device.maker, device.model) == ("007", "no", "1e3")


def test_defaults_of_a_connection_do_not_reach_a_meter_without_one(tmp_path: Path) -> None:
    text = f"defaults: {{every: 5s, {FROM}, ct: 3}}\n{HEAD}  meters: [{{code: M-1}}]\n"
    device = loaded(tmp_path, text).meters[0]
    assert (device.driver, device.every, device.installations) == (None, 60, ())


def test_profiles_beside_the_file_are_known(tmp_path: Path) -> None:
    own = profilefiles.text_of("chint-dtsu666").replace('name = "chint-dtsu666"', 'name = "our-own"')
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "our-own.toml").write_text(own, "utf-8")
    assert loaded(tmp_path, TEN_LINES.replace("chint-dtsu666", "our-own")).meters[0].profile == "our-own"


def test_what_is_kept_and_expected_of_a_meter(tmp_path: Path) -> None:
    text = f"""{HEAD}  metering_points:
  - {{code: E-1, name: N, carrier: electricity}}
  - {{code: E-2, name: N, carrier: electricity, quantities: active_energy_import, active_power}}
  - {{code: W-1, name: N, carrier: water}}
  meters:
  - {{code: M-1, profile: chint-dtsu666, at: E-1, {FROM}}}
  - {{code: M-2, mapping: flat, driver: mqtt, at: W-1, {FROM}}}
  - {{code: M-3, driver: http, at: E-2, {FROM}}}
""".replace("active_energy_import, active_power", "[active_energy_import, active_power]")
    enterprise = loaded(tmp_path, text)
    registry = Registry(profilefiles.profiles(), payload.mappings())
    electric, listed, water = enterprise.metering_points
    polled, pushed, posted = enterprise.meters
    assert set(registry.quantities_of(polled, electric)) == set(registry.profiles["chint-dtsu666"].quantities)
    assert registry.expected(polled, electric, "voltage_a")
    assert "volume_flow" in registry.quantities_of(pushed, water)
    assert "active_power" not in registry.quantities_of(pushed, water)
    assert registry.expected(pushed, water, "volume")
    assert not registry.expected(pushed, water, "temperature")
    assert registry.quantities_of(posted, listed) == ("active_energy_import", "active_power")


def test_a_written_registry_reads_back_equal(tmp_path: Path) -> None:
    text = f"""{HEAD}  zone: Asia/Urumqi
{POINTS}  meters:
  - code: M-1
    profile: chint-dtsu666
    driver: modbus-tcp
    address: "[::1]:502"
    every: 90s
    baud: 9600
    enabled: false
    expected_from: 2026-01-15T00:00:00+06:00
    verified_until: 2027-06-30
    installations:
    - {{at: E-1, from: 2026-01-01T00:00:00.5+08:00, to: 2026-02-01T00:00:00Z, final: {{active_energy_import: 12.25}}}}
    - {{at: E-2, from: 2026-02-01T00:00:00Z, ct: 100, ratios: [{{from: 2026-03-01T00:00:00Z, ct: 2.5, pt: 10}}]}}
  - {{code: M-2, driver: mqtt, mapping: flat, every: 15m, at: W-1, {FROM}, initial: {{volume: 3}}, maker: "yes: #1 厂"}}
"""
    enterprise = loaded(tmp_path, text)
    again = to_yaml([enterprise])
    assert loaded(tmp_path, again) == enterprise
    assert to_yaml([loaded(tmp_path, again)]) == again


def test_objects_of_the_database_are_named_in_faults(tmp_path: Path) -> None:
    (tmp_path / "registry.yaml").write_text(TEN_LINES, "utf-8")
    registry = load(tmp_path / "registry.yaml")
    (enterprise,) = registry.enterprises
    other = enterprise.model_copy(update={"uscc": OTHER})
    whole = Registry(registry.profiles, registry.mappings, [enterprise, other], registry.places)
    (fault,) = check(whole)
    assert str(fault).startswith(
        f"database meter {OTHER}/M-1 address: meter M-1 of {USCC} has the address 10.0.0.5:502"
    )


def test_every_driver_shows_an_address_it_accepts(tmp_path: Path) -> None:
    for name, driver in DRIVERS.items():
        needs = f", {driver.needs}: {'flat' if driver.needs == 'mapping' else 'chint-dtsu666'}" if driver.needs else ""
        address = f", address: '{driver.example}'" if driver.example else ""
        assert loaded(tmp_path, meter(f"driver: {name}{needs}{address}")).meters[0].driver == name
