"""Addresses of connections, as they may be shown."""

import re

_PASSWORD = re.compile(r"(://[^:/@]*):[^/]*@")


def masked(address: str) -> str:
    """The address without the password in it, for plans, alerts and logs."""
    return _PASSWORD.sub(r"\1:***@", address)
