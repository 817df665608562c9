"""VEE: a day's consumption far below the same weekdays before."""

from alerts.history import Bools, Matrix
from alerts.usage import Usage


class VeeLow(Usage):
    name = "vee_low"
    words = ("低于", "less than")

    def out_of_bounds(self, ratio: Matrix, bound: Matrix) -> Bools:
        return ratio < bound


RULE = VeeLow()
