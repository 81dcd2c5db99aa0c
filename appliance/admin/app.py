"""From a request to its handler, through the gate: the API and, where there are any, the pages."""

import traceback
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from appliance.admin.exchange import Answer, Refusal, Request, answer_refusal
from appliance.admin.gate import Access, Caller, Gate

Handler = Callable[[Request, Caller], Awaitable[Answer]]
Route = tuple[str, str, Access, Handler]
RefusePage = Callable[[Request, Refusal], Answer]
Segments = tuple[str, ...]

# What a page may do: be drawn with our own style, scripts and pictures, and ask this box.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
FIELDS = (
    ("Content-Security-Policy", POLICY),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
)
NO_STORE = ("Cache-Control", "no-store")


@dataclass(frozen=True, slots=True)
class _Place:
    """A path with its handlers by method; "{host}" stands for any one segment."""

    pattern: Segments
    handlers: Mapping[str, tuple[Access, Handler]]

    def fits(self, segments: Segments) -> bool:
        return len(segments) == len(self.pattern) and all(
            part == segment or (part.startswith("{") and segment)
            for part, segment in zip(self.pattern, segments, strict=True)
        )


class App:
    """Answers every request. `refuse_page` words a refusal for a person where pages are."""

    def __init__(
        self,
        gate: Gate,
        routes: Iterable[Route],
        complain: Callable[[str], None],
        refuse_page: RefusePage | None = None,
    ) -> None:
        self._gate = gate
        self._complain = complain
        self._refuse_page = refuse_page
        found: dict[Segments, dict[str, tuple[Access, Handler]]] = {}
        for method, path, access, handler in routes:
            found.setdefault(tuple(path[1:].split("/")), {})[method] = (access, handler)
        self._places = [_Place(pattern, handlers) for pattern, handlers in found.items()]

    async def ask(self, request: Request) -> Answer:
        """The answer to a request, whatever happens."""
        try:
            answer = await self._ask(request)
        except Refusal as refusal:
            answer = self._refuse(request, refusal)
        except Exception as error:
            self._complain(f"{request.method} {request.path}: {_words(error)}")
            fault = Refusal(500, "a fault of ours", request.path, "see the log of gatelight")
            answer = self._refuse(request, fault)
        is_kept = any(name == "Cache-Control" for name, _ in answer.fields)
        return replace(answer, fields=(*answer.fields, *FIELDS, *(() if is_kept else (NO_STORE,))))

    async def _ask(self, request: Request) -> Answer:
        place = next((each for each in self._places if each.fits(request.segments)), None)
        if place is None:
            # Whoever may not come in learns nothing of what there is.
            await self._gate.admit(request, Access.USER)
            raise Refusal(404, "there is nothing here", request.path, "GET /v1/status is")
        method = "GET" if request.method == "HEAD" else request.method
        if method not in place.handlers:
            await self._gate.admit(replace(request, method="GET"), Access.USER)
            allowed = ", ".join(place.handlers)
            what = f"{request.method} is not answered"
            refusal = Refusal(405, what, request.path, f"use {allowed}")
            refusal.fields = (("Allow", allowed),)
            raise refusal
        access, handler = place.handlers[method]
        return await handler(request, await self._gate.admit(request, access))

    def _refuse(self, request: Request, refusal: Refusal) -> Answer:
        is_page = request.segments[0] not in ("v1", "metrics")
        if is_page and self._refuse_page is not None:
            return self._refuse_page(request, refusal)
        return answer_refusal(refusal)


def _words(error: Exception) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({last.filename}:{last.lineno})"
