"""Logging: one line per event on standard error, with the role in front."""

import logging


def setup(role: str, level: str) -> None:
    """Send logs of this process to standard error, labelled with its role."""
    logging.basicConfig(
        level=level.upper(),
        format=f"%(asctime)s {role} %(levelname)s %(name)s: %(message)s",
        datefmt="%Y-%m-%dT%H:%M:%S%z",
    )
    for noisy in ("pymodbus", "nats", "httpx", "httpcore", "uvicorn.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    logging.getLogger("asyncpg").setLevel(logging.ERROR)  # an outage is told by us, once
