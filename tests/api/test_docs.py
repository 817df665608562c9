"""The API's description is whole, its page works without the internet, every route file is registered."""

import pkgutil
import re
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest
from fastapi import APIRouter

from api import routes
from api.app import CONSOLE, create_app
from api.problems import KINDS
from api.services import Services
from tests.api.conftest import assert_problem

PUBLIC = {"/healthz", "/readyz", "/metrics"}


@pytest.fixture
async def client() -> Any:
    """The application without database and stream."""
    transport = httpx.ASGITransport(create_app(Services()), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://wanjia") as opened:
        yield opened


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attrs if name in ("src", "href", "action") and value]


def operations(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{method} {path}", operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def test_every_route_file_is_registered() -> None:
    modules = {module.name for module in pkgutil.iter_modules(routes.__path__)}
    registered = {route.endpoint.__module__.rpartition(".")[2] for router in routes.ROUTERS for route in router.routes}  # type: ignore[attr-defined]
    assert registered == modules
    assert all(isinstance(router, APIRouter) for router in routes.ROUTERS)


async def test_everything_is_described(client: httpx.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()
    assert len(document["paths"]) >= 20
    for name, operation in operations(document):
        assert operation.get("description"), name
        assert {"4XX", "5XX"} <= set(operation["responses"]), name
        assert "422" not in operation["responses"], name
        for parameter in operation.get("parameters", []):
            assert parameter.get("description"), (name, parameter["name"])
        secured = bool(operation.get("security"))
        open_to_all = name.split()[1] in PUBLIC or name in ("post /v1/session", "delete /v1/session")
        assert secured != open_to_all, name
    push = dict(operations(document))["post /v1/readings"]
    assert set(push["requestBody"]["content"]) == {"application/json", "application/x-ndjson", "text/csv"}
    series = document["paths"]["/v1/metering-points/{uscc}/{code}/consumption"]["get"]["responses"]["200"]["content"]
    assert {"application/json", "text/csv", "application/vnd.apache.arrow.stream"} == set(series)


async def test_references_of_the_description_exist(client: httpx.AsyncClient) -> None:
    text = (await client.get("/openapi.json")).text
    document = (await client.get("/openapi.json")).json()
    schemas = document["components"]["schemas"]
    for reference in set(re.findall(r'"\$ref":"#/components/schemas/([^"]+)"', text)):
        assert reference in schemas, reference


async def test_the_docs_page_loads_nothing_from_outside(client: httpx.AsyncClient) -> None:
    page = await client.get("/docs")
    links = _Links()
    links.feed(page.text)
    assert links.found
    for link in [*links.found, "/openapi.json"]:
        assert link.startswith("/"), link
        assert (await client.get(link)).status_code == 200, link
    assert re.findall(r"https?://", page.text) == []
    assert '"validatorUrl": null' in page.text
    assert "default-src 'self'" in page.headers["content-security-policy"]
    for file in (CONSOLE / "vendor" / "swagger-ui").glob("*.css"):
        assert re.findall(r"url\(\s*[\"']?+(?!data:)", file.read_text("utf-8")) == []
        assert "@import" not in file.read_text("utf-8")
    for file in (CONSOLE / "vendor" / "swagger-ui").glob("*.js"):
        assert "sourceMappingURL" not in file.read_text("utf-8")


async def test_every_problem_is_explained(client: httpx.AsyncClient) -> None:
    for kind, (status, title) in KINDS.items():
        assert (await client.get(f"/problems/{kind}")).json() == {
            "type": f"/problems/{kind}",
            "title": title,
            "status": status,
        }
    assert_problem(await client.get("/problems/boredom"), 404, "not-found")


async def test_what_goes_wrong_is_a_problem(client: httpx.AsyncClient) -> None:
    """Without servers: the process lives, says it is not ready, and everything else is told to wait."""
    assert (await client.get("/healthz")).json() == {"status": "alive"}
    ready = await client.get("/readyz")
    assert ready.status_code == 503
    assert "has not been reached" in ready.json()["database"]
    assert_problem(await client.get("/v1/enterprises"), 401, "key-needed")
    waiting = await client.get("/v1/enterprises", headers={"Authorization": "Bearer wanjia_x"})
    assert_problem(waiting, 503, "unavailable")
    assert waiting.headers["retry-after"] == "5"
    assert_problem(await client.get("/v1/nothing"), 404, "not-found")
    assert_problem(await client.get("/nothing.html"), 404, "not-found")
    assert_problem(await client.delete("/v1/enterprises"), 405, "method-not-allowed")
    assert_problem(await client.post("/v1/session", json={}), 422, "invalid-body", "key")
    broken = await client.post("/v1/session", content=b"{", headers={"Content-Type": "application/json"})
    assert_problem(broken, 422, "invalid-body")
    metrics = await client.get("/metrics")
    assert 'wanjia_http_requests_total{method="GET",route="/v1/enterprises",status="503"} 1.0' in metrics.text
    assert 'route="other"' in metrics.text
    assert "wanjia_open_alerts NaN" in metrics.text


async def test_the_console_is_at_the_root(client: httpx.AsyncClient) -> None:
    page = await client.get("/")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'self'" in page.headers["content-security-policy"]
    for escape in ("/../app.py", "/%2e%2e/app.py", "/..%2fapp.py"):
        assert (await client.get(escape)).status_code == 404


async def test_a_mistake_of_ours_is_a_problem_without_details(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr("api.routes.health.pending", broken)
    monkeypatch.setattr(Services, "database", property(lambda _: None))
    response = await client.get("/readyz")
    assert_problem(response, 500, "internal")
    assert "secret" not in response.text
