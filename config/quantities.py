"""One table of quantities and units: every point measures one of these, stored in its canonical unit."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["register", "instant"]
Ratio = Literal["none", "ct", "pt", "ct*pt"]


@dataclass(frozen=True, slots=True)
class Quantity:
    """What is measured. `ratio`: the transformer ratios that turn a secondary value into the primary one."""

    name: str
    kind: Kind
    unit: str
    zh: str
    en: str
    ratio: Ratio = "none"


_TABLE: tuple[tuple[str, Kind, str, str, str, Ratio], ...] = (
    ("active_energy_import", "register", "kWh", "正向有功电能", "active energy, import", "ct*pt"),
    ("active_energy_export", "register", "kWh", "反向有功电能", "active energy, export", "ct*pt"),
    ("reactive_energy_import", "register", "kvarh", "正向无功电能", "reactive energy, import", "ct*pt"),
    ("reactive_energy_export", "register", "kvarh", "反向无功电能", "reactive energy, export", "ct*pt"),
    ("volume", "register", "m3", "累计体积", "volume", "none"),
    ("normal_volume", "register", "Nm3", "累计标况体积", "volume at normal conditions", "none"),
    ("mass", "register", "t", "累计质量", "mass", "none"),
    ("heat", "register", "GJ", "累计热量", "heat", "none"),
    ("active_power", "instant", "kW", "有功功率", "active power", "ct*pt"),
    ("active_power_a", "instant", "kW", "A相有功功率", "active power, phase A", "ct*pt"),
    ("active_power_b", "instant", "kW", "B相有功功率", "active power, phase B", "ct*pt"),
    ("active_power_c", "instant", "kW", "C相有功功率", "active power, phase C", "ct*pt"),
    ("reactive_power", "instant", "kvar", "无功功率", "reactive power", "ct*pt"),
    ("apparent_power", "instant", "kVA", "视在功率", "apparent power", "ct*pt"),
    ("voltage_a", "instant", "V", "A相电压", "voltage, phase A", "pt"),
    ("voltage_b", "instant", "V", "B相电压", "voltage, phase B", "pt"),
    ("voltage_c", "instant", "V", "C相电压", "voltage, phase C", "pt"),
    ("current_a", "instant", "A", "A相电流", "current, phase A", "ct"),
    ("current_b", "instant", "A", "B相电流", "current, phase B", "ct"),
    ("current_c", "instant", "A", "C相电流", "current, phase C", "ct"),
    ("power_factor", "instant", "1", "功率因数", "power factor", "none"),
    ("frequency", "instant", "Hz", "频率", "frequency", "none"),
    ("volume_flow", "instant", "m3/h", "体积流量", "volume flow", "none"),
    ("normal_volume_flow", "instant", "Nm3/h", "标况流量", "volume flow at normal conditions", "none"),
    ("mass_flow", "instant", "t/h", "质量流量", "mass flow", "none"),
    ("heat_flow", "instant", "GJ/h", "热功率", "heat flow", "none"),
    ("temperature", "instant", "degC", "温度", "temperature", "none"),
    ("supply_temperature", "instant", "degC", "供水温度", "supply temperature", "none"),
    ("return_temperature", "instant", "degC", "回水温度", "return temperature", "none"),
    ("pressure", "instant", "MPa", "压力", "pressure", "none"),
)

QUANTITIES: dict[str, Quantity] = {row[0]: Quantity(*row) for row in _TABLE}

_UNITS: dict[str, dict[str, float]] = {
    "kWh": {"kWh": 1.0, "Wh": 1e-3, "MWh": 1e3, "GWh": 1e6},
    "kvarh": {"kvarh": 1.0, "varh": 1e-3, "Mvarh": 1e3},
    "m3": {"m3": 1.0, "L": 1e-3},
    "Nm3": {"Nm3": 1.0, "kNm3": 1e3},
    "t": {"t": 1.0, "kg": 1e-3},
    "GJ": {"GJ": 1.0, "MJ": 1e-3, "kJ": 1e-6, "kWh": 0.0036, "MWh": 3.6},
    "kW": {"kW": 1.0, "W": 1e-3, "MW": 1e3},
    "kvar": {"kvar": 1.0, "var": 1e-3, "Mvar": 1e3},
    "kVA": {"kVA": 1.0, "VA": 1e-3, "MVA": 1e3},
    "V": {"V": 1.0, "kV": 1e3, "mV": 1e-3},
    "A": {"A": 1.0, "mA": 1e-3, "kA": 1e3},
    "1": {"1": 1.0, "%": 0.01},
    "Hz": {"Hz": 1.0},
    "m3/h": {"m3/h": 1.0, "L/h": 1e-3, "L/s": 3.6, "L/min": 0.06},
    "Nm3/h": {"Nm3/h": 1.0},
    "t/h": {"t/h": 1.0, "kg/h": 1e-3},
    "GJ/h": {"GJ/h": 1.0, "kW": 0.0036, "MW": 3.6},
    "degC": {"degC": 1.0},
    "MPa": {"MPa": 1.0, "kPa": 1e-3, "Pa": 1e-6, "bar": 0.1},
}


def to_canonical(quantity: str, unit: str) -> float:
    """Factor that turns `unit` into the quantity's canonical unit. Raises KeyError naming what is unknown."""
    known = _UNITS[QUANTITIES[quantity].unit]
    if unit not in known:
        raise KeyError(f"unit {unit!r} does not measure {quantity}; known: {', '.join(known)}")
    return known[unit]
