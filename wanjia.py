"""Wanjia's command line and only composition root: builds each role from the settings."""


def main() -> int:
    """Run the command named on the command line; returns the exit code."""
    return 0
