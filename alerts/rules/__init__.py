"""The rules: one file each, one line here; texts and thresholds of each in config/data/rules.toml."""

from alerts.finding import Inspection, SilenceRule
from alerts.rules import (
    balance,
    conflict,
    conservation,
    detection,
    estimated_too_long,
    gap,
    gateway,
    late,
    left_out,
    limit,
    meter_clock,
    offline,
    power_energy,
    power_factor,
    quota,
    reverse,
    stale,
    unbalance,
    vee_high,
    vee_low,
    vee_missing,
    vee_negative,
    vee_spike,
    vee_sum,
    vee_zero,
    verification_due,
)

SILENCE: dict[str, SilenceRule] = {
    "gap": gap.RULE,
    "offline": offline.RULE,
    "gateway": gateway.RULE,
}
INSPECTIONS: dict[str, Inspection] = {
    "limit": limit.RULE,
    "reverse": reverse.RULE,
    "left_out": left_out.RULE,
    "conflict": conflict.RULE,
    "conservation": conservation.RULE,
    "late": late.RULE,
    "meter_clock": meter_clock.RULE,
    "stale": stale.RULE,
    "balance": balance.RULE,
    "power_energy": power_energy.RULE,
    "unbalance": unbalance.RULE,
    "power_factor": power_factor.RULE,
    "quota": quota.RULE,
    "verification_due": verification_due.RULE,
    "estimated_too_long": estimated_too_long.RULE,
    "vee_spike": vee_spike.RULE,
    "vee_sum": vee_sum.RULE,
    "vee_high": vee_high.RULE,
    "vee_low": vee_low.RULE,
    "vee_zero": vee_zero.RULE,
    "vee_negative": vee_negative.RULE,
    "vee_missing": vee_missing.RULE,
    "detection": detection.RULE,
}
INSPECTED: dict[str, Inspection] = {rule: one for one in INSPECTIONS.values() for rule in one.rules}
"""The inspection that tells of each rule."""
