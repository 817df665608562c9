"""Each way to a target: what the other side gets, checked as it would check it, and what refusals are called."""

import base64
import hashlib
import hmac
import json
import shutil
import ssl
import subprocess
from dataclasses import replace
from email import message_from_string
from email.policy import default
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from alerts import message
from alerts.channels import Channels
from config.mail import mail_server
from storage.notifications import Due, Item
from tests.alerts.receivers import mail_box, receiver

NOW_S = 1_767_225_600
SECRET = "SEC-of-the-robot"
SENTENCES = [f"计量点 E-{n}（进线{n}）自 2026-01-01 08:{n:02} 起缺数。" for n in range(40)]
BODY = {
    "severity": "warning",
    "count": 60,
    "zh": "企业1：缺数告警发生 60 条。",
    "en": "企业1: 60 gap alerts opened.",
    "alerts": [
        {
            "zh": zh,
            "en": f"gap {n}",
            "amount": 1200.0 if n == 0 else None,
            "money": 840.0 if n == 0 else None,
            "unit": "kWh",
        }
        for n, zh in enumerate(SENTENCES)
    ],
}


def due(kind: str, address: str, *, secret: str = "", language: str = "zh", body: dict[str, Any] = BODY) -> Due:
    return Due(7, 0, json.dumps(body).encode(), "duty", kind, address, secret, language, False, NOW_S)


async def sent(item: Due, mail: str | None = None) -> str | None:
    async with httpx.AsyncClient() as client:
        server = None if mail is None else mail_server(mail, "Wanjia <wanjia@example.org>")
        return await Channels(client, server).send(item, NOW_S)


def mac(key: str, text: str) -> str:
    return base64.b64encode(hmac.new(key.encode(), text.encode(), hashlib.sha256).digest()).decode()


async def test_wecom_gets_a_text_that_fits() -> None:
    async with receiver() as robot:
        robot.status, robot.answer = 200, b'{"errcode": 0, "errmsg": "ok"}'
        assert await sent(due("wecom", f"{robot.url}?key=abc")) is None
    assert robot.paths == ["/hook?key=abc"]
    (told,) = robot.bodies
    assert told["msgtype"] == "text"
    text = told["text"]["content"]
    assert text.startswith("万家告警 · 警告\n企业1：缺数告警发生 60 条。\n· 计量点 E-0")
    assert "08:00 起缺数。（影响 ¥ 840，1200 kWh）\n· 计量点 E-1" in text
    lines = text.count("\n·")
    assert text.endswith(f"……另有 {60 - lines} 条")
    assert 1900 < len(text.encode()) <= 2048


async def test_dingtalk_is_signed_in_the_query() -> None:
    async with receiver() as robot:
        robot.status, robot.answer = 200, b'{"errcode": 0, "errmsg": "ok"}'
        assert await sent(due("dingtalk", f"{robot.url}?access_token=abc", secret=SECRET, language="en")) is None
        assert await sent(due("dingtalk", f"{robot.url}?access_token=abc")) is None
    asked = parse_qs(urlsplit(robot.paths[0]).query)
    moment = asked["timestamp"][0]
    assert moment == str(NOW_S * 1000)
    assert asked["sign"] == [mac(SECRET, f"{moment}\n{SECRET}")]
    assert robot.bodies[0]["text"]["content"].startswith(
        "Wanjia alerts · warning\n企业1: 60 gap alerts opened.\n· gap 0 (at stake: ¥ 840, 1200 kWh)\n· gap 1\n"
    )
    assert robot.bodies[0]["text"]["content"].endswith("· gap 39\n... and 20 more")
    assert robot.paths[1] == "/hook?access_token=abc"


async def test_feishu_is_signed_in_the_body() -> None:
    async with receiver() as robot:
        robot.status, robot.answer = 200, b'{"code": 0, "msg": "success"}'
        assert await sent(due("feishu", robot.url, secret=SECRET)) is None
        assert await sent(due("feishu", robot.url)) is None
    signed, plain = robot.bodies
    assert signed["timestamp"] == str(NOW_S)
    assert signed["sign"] == mac(f"{NOW_S}\n{SECRET}", "")
    assert signed["msg_type"] == "text"
    assert signed["content"]["text"].startswith("万家告警 · 警告\n")
    assert plain.keys() == {"msg_type", "content"}


@pytest.mark.parametrize(
    ("kind", "answer", "says"),
    [
        ("wecom", b'{"errcode": 45009, "errmsg": "freq out of limit"}', "answered 45009: freq out of limit"),
        ("dingtalk", b'{"errcode": 310000, "errmsg": "sign not match"}', "answered 310000: sign not match"),
        ("feishu", b'{"code": 19021, "msg": "sign match fail"}', "answered 19021: sign match fail"),
        ("feishu", b"<html>a proxy</html>", "answered something that is no robot's answer"),
        ("feishu", b"{}", "answered None: "),
    ],
)
async def test_a_robot_that_answers_200_and_refuses(kind: str, answer: bytes, says: str) -> None:
    async with receiver() as robot:
        robot.status, robot.answer = 200, answer
        assert await sent(due(kind, robot.url)) == says


async def test_mail_says_it_in_plain_text_and_is_the_same_message_again() -> None:
    async with mail_box() as box:
        item = due("mail", "a@example.org, b@example.org", language="en")
        for _ in range(2):
            assert await sent(item, f"smtp://127.0.0.1:{box.port}") is None
    first, again = (message_from_string(letter.removesuffix("\r\n.\r\n"), policy=default) for letter in box.letters)
    assert first["Subject"] == "Wanjia alerts · warning: 企业1: 60 gap alerts opened."
    assert (first["From"], first["To"]) == ("Wanjia <wanjia@example.org>", "a@example.org, b@example.org")
    assert first["Message-ID"] == again["Message-ID"] == f"<notification-7-{NOW_S}@example.org>"
    text = first.get_content().splitlines()
    assert text[:2] == ["Wanjia alerts · warning", "企业1: 60 gap alerts opened."]
    assert text[-1] == "... and 20 more"
    assert [line[5:] for line in box.said if line.startswith("rcpt ")][:2] == [
        "TO:<a@example.org>",
        "TO:<b@example.org>",
    ]


async def test_mail_that_cannot_be_handed_in() -> None:
    async with mail_box() as box:
        url = f"127.0.0.1:{box.port}"
        assert await sent(due("mail", "a@example.org")) == "no mail server is known; set WANJIA_SMTP"
        clear = await sent(due("mail", "a@example.org"), f"smtp://me:hush@{url}")
        assert clear == "127.0.0.1 offers no encryption; the password is not sent in clear"
        assert await sent(due("mail", "a@example.org, nobody@example.org"), f"smtp://{url}") == (
            "refused for nobody@example.org"
        )
        nobody = await sent(due("mail", "nobody@example.org"), f"smtp://{url}")
        assert nobody is not None
        assert nobody.startswith("SMTPRecipientsRefused")
    gone = await sent(due("mail", "a@example.org"), f"smtp://{url}")
    assert gone is not None
    assert gone.startswith("ConnectionRefusedError")


@pytest.mark.peers
async def test_the_password_goes_to_the_mail_server_encrypted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("NOT TESTED WITH ENCRYPTION: there is no openssl to make a certificate")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "1",
         "-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True,
    )  # fmt: skip
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    async with mail_box(tls) as box:
        item, url = due("mail", "a@example.org"), f"smtp://me%40x:hush@localhost:{box.port}"
        strange = await sent(item, url)
        assert strange is not None
        assert strange.startswith("SSLCertVerificationError"), "a certificate that nobody vouches for"
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert await sent(item, url) is None
    said = base64.b64encode(b"\0me@x\0hush").decode()
    assert box.said.count(f"AUTH PLAIN {said}") == 1
    assert box.said.index(f"AUTH PLAIN {said}") > box.said.index("TLS")
    assert len(box.letters) == 1


def test_of_many_alerts_the_gravest_are_written_out() -> None:
    item = Item(1, 1, "opened", "gap", "info", "U", "企业1", "")
    grave = [replace(item, id=n, alert=n, severity="critical" if n == 99 else "info") for n in range(100)]
    assert message.listed(grave)[:2] == [99, 0]
    assert len(message.listed(grave)) == message.LISTED
    known: dict[str, Any] = {"money": None, "amount": None, "zh": "", "en": ""}
    alerts = [{"id": 0, "severity": "info", **known}, {"id": 1, "severity": "info", **known, "money": 5.0}]
    alerts.append({"id": 99, "severity": "critical", **known})
    assert [alert["id"] for alert in message.body(grave, alerts, 0)["alerts"]] == [99, 1, 0]


def test_a_text_never_breaks_a_character_nor_its_limit() -> None:
    for most in range(61, 400, 7):
        text = message.text(BODY, "zh", most)
        assert len(text.encode()) <= most
        assert "\ufffd" not in text


@pytest.mark.parametrize("url", ["box", "http://box", "smtp://", "smtp://box/path", "smtp://box:port"])
def test_an_address_that_is_no_mail_server(url: str) -> None:
    with pytest.raises(ValueError):
        mail_server(url, "a@b.c")


def test_ports_and_encryption_follow_from_the_address() -> None:
    assert (mail_server("smtp://box", "").port, mail_server("smtps://box", "").port) == (587, 465)
    assert mail_server("smtps://me%40b.c:h%3Ash@box", "").password == "h:sh"
