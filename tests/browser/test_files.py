"""The console's files: both dictionaries say the same things, and nothing is fetched from outside."""

import json
import re
from itertools import chain
from pathlib import Path

import pytest

from api.app import CONSOLE
from config.quality import Quality

SCRIPTS = sorted(chain(CONSOLE.glob("*.js"), CONSOLE.glob("pages/*.js")))
SCRIPT_TEXT = "\n".join(path.read_text("utf-8") for path in SCRIPTS)
OWN = [path for path in CONSOLE.rglob("*") if path.suffix in {".js", ".css", ".html"} and "vendor" not in path.parts]
ECHARTS = CONSOLE / "vendor" / "echarts.esm.min.js"
NAMES_ONLY = ("http://www.w3.org/", "http://www.apache.org/licenses/", "https://github.com/ecomfe/zrender/blob/")
"""Addresses in ECharts that name a vocabulary or a licence; nothing asks for them."""


def words(language: str) -> dict[str, str]:
    found: dict[str, str] = json.loads((CONSOLE / "lang" / f"{language}.json").read_text("utf-8"))
    return found


def test_both_languages_have_the_same_words_with_the_same_gaps() -> None:
    zh, en = words("zh"), words("en")
    assert zh.keys() == en.keys()
    for key in zh:
        assert sorted(re.findall(r"\{\w+\}", zh[key])) == sorted(re.findall(r"\{\w+\}", en[key])), key


def test_every_word_that_is_asked_for_is_there_and_none_is_left_over() -> None:
    known = words("zh").keys()
    families = {key.split(".")[0] for key in known}
    asked = {word for word in re.findall(r"\"([a-z]+\.[\w.]+)\"", SCRIPT_TEXT) if word.split(".")[0] in families}
    assert asked <= known
    built = set(re.findall(r"`([a-z]+)\.\$\{", SCRIPT_TEXT))  # like t(`kind.${name}`)
    assert {key for key in known - asked if key.split(".")[0] not in built} == set()


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_quality_has_a_word(language: str) -> None:
    assert {f"kind.{quality.word}" for quality in Quality} <= words(language).keys()


@pytest.mark.parametrize("path", OWN, ids=lambda path: path.name)
def test_own_files_name_no_other_address_and_hold_no_inline_script(path: Path) -> None:
    text = path.read_text("utf-8")
    assert not re.search(r"https?://|//cdn|@import|url\(", text)
    if path.suffix == ".html":
        assert not re.search(r"\son\w+=|\sstyle=|<script(?![^>]*\ssrc=)|<style", text)
    if path.suffix == ".js":
        assert "innerHTML" not in text


def test_what_scripts_import_and_export_is_used() -> None:
    texts = {path: path.read_text("utf-8") for path in SCRIPTS}
    idle = []
    for path, text in texts.items():
        others = "".join(other for at, other in texts.items() if at != path)
        exported = re.findall(r"export (?:async )?(?:function|const|class|let) (\w+)", text)
        idle += [(path.name, name) for name in exported if not re.search(rf"\b{name}\b", others)]
        imported = re.findall(r"(\w+)\s*[,}]", "".join(re.findall(r"import (\{[^}]*\})", text)))
        idle += [(path.name, name) for name in imported if len(re.findall(rf"\b{name}\b", text)) < 2]
    assert idle == []


def test_vendored_charts_fetch_nothing_and_keep_their_licence() -> None:
    text = ECHARTS.read_text("utf-8")
    assert "sourceMappingURL" not in text
    strange = [address for address in re.findall(r"https?://[^\s\"'`)]+", text) if not address.startswith(NAMES_ONLY)]
    assert strange == []
    for name in ("README.md", "LICENSE.echarts", "NOTICE.echarts", "LICENSE.d3"):
        assert (ECHARTS.parent / name).stat().st_size > 100
