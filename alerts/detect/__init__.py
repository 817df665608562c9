"""Tells faults of meters from the consumption of one series: no I/O, no thresholds of a site, numpy only."""

from alerts.detect.detector import Detector
from alerts.detect.incident import Cause, Incident

__all__ = ["Cause", "Detector", "Incident"]
