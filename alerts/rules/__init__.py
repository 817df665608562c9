"""The rules: one file each, one line here."""

from alerts.finding import Rule
from alerts.rules import gap, offline

RULES: dict[str, Rule] = {
    "gap": gap.RULE,
    "offline": offline.RULE,
}
