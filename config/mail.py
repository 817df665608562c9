"""The mail server that notifications go out by, as given in WANJIA_SMTP."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

FORM = "smtp://user:password@host:587 (encrypted when the server can) or smtps://user:password@host:465"


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail is handed in, and who it is from. `encrypted`: from the first byte on (smtps)."""

    host: str
    port: int
    encrypted: bool
    user: str
    password: str
    sender: str


def mail_server(url: str, sender: str) -> MailServer:
    """From a URL. Raises ValueError for one that is none."""
    parts = urlsplit(url)
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname or parts.path not in ("", "/"):
        raise ValueError(f"must be {FORM}")
    encrypted = parts.scheme == "smtps"
    port = parts.port or (465 if encrypted else 587)
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    return MailServer(parts.hostname, port, encrypted, user, password, sender)
