"""Signing in: the console keeps the key in a cookie that scripts cannot read."""

from fastapi import APIRouter, Request, Response

from api.deps import COOKIE, Asker, Served, address
from api.models import Session, SignIn
from storage.access import Principal

router = APIRouter(tags=["session"])


@router.post("/v1/session", response_model=Session)
async def sign_in(request: Request, response: Response, served: Served, body: SignIn) -> Principal:
    """Check a key and keep it in the cookie `wanjia_key`."""
    who = await served.gate.principal(body.key, address(request))
    secure = request.url.scheme == "https"
    response.set_cookie(COOKIE, body.key, httponly=True, samesite="strict", secure=secure, path="/")
    return who


@router.get("/v1/session", response_model=Session)
async def session(who: Asker) -> Principal:
    """Who holds the key that was sent."""
    return who


@router.delete("/v1/session", status_code=204)
async def sign_out(response: Response) -> None:
    """Forget the cookie."""
    response.delete_cookie(COOKIE, httponly=True, samesite="strict", path="/")
