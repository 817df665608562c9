"""What can go wrong on the wire, sorted by what the caller does next.

ProtocolError
├── ConnectFailed   no link: retry with capped, jittered back-off, without end; logged once, recovery once
├── Silent          no reply in time: this poll is lost, the link is dirty and must be rebuilt
├── BadReply        this block of this poll is lost; the link is fine
│   └── BadPayload  this message can never be read: quarantine it with the reason
└── Refused         the meter says there is no such register: split the block, set the point aside
"""

from config.errors import WanjiaError


class ProtocolError(WanjiaError):
    """Something about a device or its link."""


class ConnectFailed(ProtocolError):
    """The link could not be made."""


class Silent(ProtocolError):
    """The device did not answer in time; a late reply may still be under way on this link."""


class BadReply(ProtocolError):
    """The device answered with something that is not a valid reply to the request."""


class BadPayload(BadReply):
    """The message is not what its payload mapping says; its text is the reason."""


class Refused(ProtocolError):
    """The device answered that it has no such register."""
