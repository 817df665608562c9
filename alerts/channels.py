"""The ways to a target: a signed webhook, mail, and the group robots of WeCom, DingTalk and Feishu.

Each kind turns a notification into a request; a robot answers 200 and says in the body whether it took the message.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import smtplib
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any
from urllib.parse import quote_plus

import httpx
import msgspec

from alerts.message import text
from config.mail import MailServer
from storage.notifications import Due

TIMEOUT_S = 10.0
_MOST_ANSWER = 65_536
_MOST_MAIL = 100_000


@dataclass(frozen=True, slots=True)
class Request:
    """A POST of JSON."""

    url: str
    body: bytes
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Channels:
    """What sending needs; `mail` None: no mail server is known."""

    client: httpx.AsyncClient
    mail: MailServer | None = None

    async def send(self, due: Due, timestamp: int) -> str | None:
        """Deliver a notification at a time (seconds); why it did not arrive, None if it did."""
        try:
            async with asyncio.timeout(TIMEOUT_S):  # httpx's own begins anew with every byte
                if due.kind == "mail":
                    return await self._mail(due)
                return await self._post(REQUESTS[due.kind](due, timestamp), robot=due.kind != "webhook")
        except TimeoutError:
            return f"no answer within {TIMEOUT_S:g} s"
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return f"{type(error).__name__}: {error}"

    async def _post(self, request: Request, *, robot: bool) -> str | None:
        headers = {"Content-Type": "application/json", **request.headers}
        async with self.client.stream("POST", request.url, content=request.body, headers=headers) as answer:
            if not answer.is_success:
                return f"answered {answer.status_code} {answer.reason_phrase}"
            return _refusal(await _beginning(answer)) if robot else None

    async def _mail(self, due: Due) -> str | None:
        if self.mail is None:
            return "no mail server is known; set WANJIA_SMTP"
        return await asyncio.to_thread(_hand_in, self.mail, letter(due, self.mail.sender))


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """What a webhook's receiver computes to trust a notification: HMAC-SHA256 over `<timestamp>.<body>`."""
    mac = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256)
    return f"t={timestamp},v1={mac.hexdigest()}"


def _webhook(due: Due, timestamp: int) -> Request:
    headers = {"Wanjia-Notification": str(due.id), "Wanjia-Signature": signature(due.secret, timestamp, due.body)}
    return Request(due.address, due.body, headers)


def _wecom(due: Due, timestamp: int) -> Request:
    """企业微信群机器人: the key in the URL is all; a text has at most 2,048 bytes."""
    return _json(due.address, {"msgtype": "text", "text": {"content": _text(due, 2048)}})


def _dingtalk(due: Due, timestamp: int) -> Request:
    """钉钉自定义机器人; signed (加签): base64 of HMAC-SHA256 by the secret over `<ms>\\n<secret>`, in the query."""
    url = due.address
    if due.secret:
        moment = timestamp * 1000
        sign = _base64_mac(due.secret, f"{moment}\n{due.secret}")
        url += f"{'&' if '?' in url else '?'}timestamp={moment}&sign={quote_plus(sign)}"
    return _json(url, {"msgtype": "text", "text": {"content": _text(due, 15_000)}})


def _feishu(due: Due, timestamp: int) -> Request:
    """飞书自定义机器人; signed (签名校验): base64 of HMAC-SHA256 over nothing, by `<s>\\n<secret>`, in the body."""
    content: dict[str, Any] = {"msg_type": "text", "content": {"text": _text(due, 15_000)}}
    if due.secret:
        content |= {"timestamp": str(timestamp), "sign": _base64_mac(f"{timestamp}\n{due.secret}", "")}
    return _json(due.address, content)


REQUESTS: dict[str, Callable[[Due, int], Request]] = {
    "webhook": _webhook,
    "wecom": _wecom,
    "dingtalk": _dingtalk,
    "feishu": _feishu,
}


def letter(due: Due, sender: str) -> EmailMessage:
    """A notification as mail; sent again it is the same message."""
    content = text(msgspec.json.decode(due.body), due.language, _MOST_MAIL)
    title, summary, *_ = content.split("\n")
    mail = EmailMessage()
    mail["Subject"] = f"{title}: {summary if len(summary) <= 120 else summary[:119] + '…'}"
    mail["From"] = sender
    mail["To"] = due.address
    mail["Message-ID"] = f"<notification-{due.id}-{due.created}@{sender.rpartition('@')[2].strip('<> ')}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(content, cte="base64")  # passes servers that know 7 bits only
    return mail


def _hand_in(server: MailServer, mail: EmailMessage) -> str | None:
    """Give the mail to the server; why that failed. Encrypted when the server can, always before a password."""
    tls = ssl.create_default_context()
    try:
        with _connected(server, tls) as session:
            session.ehlo()
            if not server.encrypted and session.has_extn("starttls"):
                session.starttls(context=tls)
                session.ehlo()
            elif not server.encrypted and server.user:
                return f"{server.host} offers no encryption; the password is not sent in clear"
            if server.user:
                session.login(server.user, server.password)
            refused = session.send_message(mail)
    except (smtplib.SMTPException, OSError) as error:
        return f"{type(error).__name__}: {error}"
    return f"refused for {', '.join(refused)}" if refused else None


def _connected(server: MailServer, tls: ssl.SSLContext) -> smtplib.SMTP:
    if server.encrypted:
        return smtplib.SMTP_SSL(server.host, server.port, timeout=TIMEOUT_S, context=tls)
    return smtplib.SMTP(server.host, server.port, timeout=TIMEOUT_S)


def _text(due: Due, most: int) -> str:
    return text(msgspec.json.decode(due.body), due.language, most)


def _json(url: str, content: dict[str, Any]) -> Request:
    return Request(url, msgspec.json.encode(content), {})


def _base64_mac(key: str, message: str) -> str:
    return base64.b64encode(hmac.new(key.encode(), message.encode(), hashlib.sha256).digest()).decode()


async def _beginning(answer: httpx.Response) -> bytes:
    """The body, as far as it matters."""
    found = b""
    async for part in answer.aiter_bytes():
        found += part
        if len(found) >= _MOST_ANSWER:
            break
    return found


def _refusal(answer: bytes) -> str | None:
    """What a robot says when it did not take the message: `errcode` (WeCom, DingTalk) or `code` (Feishu) is not 0."""
    try:
        said = msgspec.json.decode(answer, type=dict[str, Any])
    except msgspec.MsgspecError:
        return "answered something that is no robot's answer"
    code = said.get("errcode", said.get("code", said.get("StatusCode")))
    if code == 0:
        return None
    return f"answered {code}: {said.get('errmsg', said.get('msg', ''))}"
