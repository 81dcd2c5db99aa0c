"""Who may do what over TCP; over the Unix socket everybody who can open it may do all.

In this order: the Host has to be one of the box's own names (a page of somebody else's whose name
was pointed at this box is not), the box has to be claimed, and then a token or a session is needed.
A request that changes something and comes with a session has to prove that our own page sent it.
"""

import enum
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from appliance.admin.account import Account, csrf_of
from appliance.admin.exchange import FORM, Refusal, Request

READING = ("GET", "HEAD")
COOKIE, SECURE_COOKIE = "gatelight-admin", "__Host-gatelight-admin"
CSRF_FIELD, CSRF_HEADER = "csrf", "x-csrf-token"
SESSION_AGE_S = 30 * 86400


class Access(enum.Enum):
    """What a request needs over TCP."""

    ANYBODY = "anybody"
    """Also before the claim: the way in, and what its pages are drawn with."""
    USER = "user"
    SOCKET = "socket"
    """Nothing over TCP: only those who can open the socket."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who was let in; `secret` is that of a session."""

    is_local: bool = False
    secret: str | None = None

    @property
    def csrf(self) -> str:
        """For the pages of a session."""
        return csrf_of(self.secret) if self.secret else ""


class Gate:
    """Lets requests in. `is_own_name` knows the names of this box."""

    def __init__(self, account: Account, is_own_name: Callable[[str], bool]) -> None:
        self._account = account
        self._is_own_name = is_own_name

    async def admit(self, request: Request, access: Access) -> Caller:
        """Who it is. Raises Refusal."""
        if request.peer.ip is None:
            return Caller(is_local=True)
        self.check_host(request)
        if access is Access.SOCKET:
            raise Refusal(403, "only on the box itself", request.path, "use its admin socket")
        is_reading = request.method in READING
        if not is_reading:
            check_origin(request)
        secret = self._find_session(request)
        if access is Access.ANYBODY:
            return Caller(secret=secret)
        if not self._account.is_claimed:
            way_out = "open the dashboard and type the code that the box's screen or log shows"
            raise Refusal(403, "this box is not claimed yet", request.path, way_out)
        if self._has_token(request):
            return Caller()
        if secret is None:
            refusal = Refusal(401, "nobody is logged in", request.path, "log in, or send a token")
            refusal.fields = (("WWW-Authenticate", 'Bearer realm="gatelight"'),)
            raise refusal
        if not is_reading:
            await check_csrf(request, csrf_of(secret))
        return Caller(secret=secret)

    def is_admitted(self, request: Request) -> bool:
        """Whether somebody who was let in is still welcome: streams ask again and again."""
        is_local = request.peer.ip is None
        return is_local or self._has_token(request) or self._find_session(request) is not None

    def check_host(self, request: Request) -> None:
        """DNS rebinding: a browser says in Host which name it was led here by. Raises Refusal."""
        name = host_of(request)
        if name is None or not (is_address(name) or self._is_own_name(name)):
            way_out = "open the dashboard by the box's address or its own name"
            raise Refusal(421, "this is not the name of this box", name or "Host", way_out)

    def _find_session(self, request: Request) -> str | None:
        name = SECURE_COOKIE if request.peer.is_secure else COOKIE
        secret = request.cookies().get(name)
        return secret if secret and self._account.has_session(secret) else None

    def _has_token(self, request: Request) -> bool:
        kind, _, secret = request.fields.get("authorization", "").partition(" ")
        return kind.lower() == "bearer" and self._account.has_token(secret.strip())


def host_of(request: Request) -> str | None:
    """The name in Host, without port and final dot."""
    try:
        name = urlsplit(f"//{request.fields.get('host', '')}").hostname
    except ValueError:
        return None
    return name.removesuffix(".") if name else None


def is_address(name: str) -> bool:
    """Whether it is an address: nobody can point one elsewhere."""
    try:
        ip_address(name)
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")
    return True


def check_origin(request: Request) -> None:
    """A browser says which page sent a request (Fetch 3.2, Fetch Metadata). Raises Refusal."""
    origin = request.fields.get("origin")
    scheme = "https" if request.peer.is_secure else "http"
    own = f"{scheme}://{request.fields.get('host', '').lower()}"
    site = request.fields.get("sec-fetch-site", "same-origin")
    if (origin is not None and origin.lower() != own) or site not in ("same-origin", "none"):
        raise Refusal(403, "sent by another page", origin or site, "use the dashboard's own pages")


async def check_csrf(request: Request, csrf: str) -> None:
    """The proof in a header or a form's field. Raises Refusal."""
    given = request.fields.get(CSRF_HEADER)
    if given is None and request.kind == FORM:
        given = (await request.form()).get(CSRF_FIELD)
    if given is None or not hmac.compare_digest(given.encode("latin-1", "replace"), csrf.encode()):
        raise Refusal(403, "the page is too old to change anything", request.path, "load it again")


def session_cookie(secret: str, is_secure: bool) -> str:
    """Set-Cookie for a session (RFC 6265bis 4.1). Strict: no other page sends it along.

    Over plain HTTP, which is for this machine alone, browsers do not take Secure everywhere.
    """
    name = SECURE_COOKIE if is_secure else COOKIE
    secure = "; Secure" if is_secure else ""
    return f"{name}={secret}; Path=/; Max-Age={SESSION_AGE_S}; HttpOnly; SameSite=Strict{secure}"


def ended_cookie(is_secure: bool) -> str:
    """Set-Cookie for somebody who has logged out."""
    name = SECURE_COOKIE if is_secure else COOKIE
    secure = "; Secure" if is_secure else ""
    return f"{name}=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict{secure}"
