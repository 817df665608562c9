"""The quantities of the three phases, as rules look at them."""

VOLTAGES = ("voltage_a", "voltage_b", "voltage_c")
CURRENTS = ("current_a", "current_b", "current_c")
CARRIES = 0.05
"""Share of the mean current below which a phase is lost rather than unbalanced."""
