"""VEE: a day's consumption far above the same weekdays before."""

from alerts.history import Bools, Matrix
from alerts.usage import Usage


class VeeHigh(Usage):
    name = "vee_high"
    words = ("超过", "more than")

    def out_of_bounds(self, ratio: Matrix, bound: Matrix) -> Bools:
        return ratio > bound


RULE = VeeHigh()
