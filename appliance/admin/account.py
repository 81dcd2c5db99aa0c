"""Who may use the dashboard: one password, the sessions it has opened, and tokens for scripts.

All of it is in one file of state_dir, written whole and readable for its owner only. Of sessions
and tokens it has digests, so that a stolen file opens nothing.
"""

import asyncio
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from appliance.admin import passwords
from appliance.admin.exchange import Refusal
from appliance.atomic_file import replace_file
from appliance.console import say

ACCOUNT_FILE = "admin.json"
FILE_MODE = 0o600
FORMAT = 1
SESSION_S = 30 * 86400.0
# The oldest give way: a forgotten browser, not the one in use.
MAX_SESSIONS, MAX_TOKENS = 32, 64
MAX_NAME_LENGTH = 64
TOKEN_START = "gatelight_"
# Letters and digits that nobody takes for one another; two groups of three fit the smallest screen.
CODE_LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
CODE_GROUP = 3
WAY_BACK = "on the box: gatelight admin reset"


@dataclass(slots=True)
class _Session:
    digest: str
    created_s: float


@dataclass(slots=True)
class _Token:
    id: str
    name: str
    digest: str
    created_s: float


@dataclass(slots=True)
class _Kept:
    """What the file holds."""

    password: str | None = None
    sessions: list[_Session] = field(default_factory=list)
    tokens: list[_Token] = field(default_factory=list)


class Account:
    """The one account. `now_s` is the time of day."""

    def __init__(self, path: Path, now_s: Callable[[], float]) -> None:
        self._path = path
        self._now_s = now_s
        self._hashing = asyncio.Lock()
        self._kept = self._load()
        self.code: str | None = None
        self._choose_code()

    @property
    def is_claimed(self) -> bool:
        """Whether there is a password."""
        return self._kept.password is not None

    async def claim(self, code: str, password: str) -> str:
        """Sets the first password; a session's secret. Raises Refusal."""
        if self.code is None:
            way_out = f"log in with its password; if it is lost, {WAY_BACK}"
            raise Refusal(409, "the box is claimed already", "the dashboard", way_out)
        typed = "".join(letter for letter in code.upper() if letter.isalnum())
        if not hmac.compare_digest(typed.encode(), self.code.replace("-", "").encode()):
            way_out = "type the code that the box's screen or its log shows now"
            raise Refusal(403, "this is not the code", "code", way_out)
        await self._set_password(password)
        say("the dashboard is claimed")
        return self.open_session()

    async def login(self, password: str) -> str:
        """A session's secret. Raises Refusal."""
        if not await self._is_right(password):
            way_out = f"try again; if it is lost, {WAY_BACK}"
            raise Refusal(403, "this is not the password", "password", way_out)
        return self.open_session()

    async def change_password(self, old: str, new: str) -> str:
        """Another password: every session ends, and a new one begins. Raises Refusal."""
        if not await self._is_right(old):
            raise Refusal(403, "this is not the present password", "password", "try again")
        await self._set_password(new)
        return self.open_session()

    def reset(self) -> str:
        """No password, no sessions, no tokens; the code to claim the box with. Raises Refusal."""
        self._kept = _Kept()
        self._save()
        self._choose_code()
        assert self.code is not None
        return self.code

    async def _is_right(self, password: str) -> bool:
        kept = self._kept.password or ""
        async with self._hashing:
            return await asyncio.to_thread(passwords.is_right, password, kept)

    async def _set_password(self, password: str) -> None:
        fault = passwords.find_fault(password)
        if fault is not None:
            raise Refusal(422, fault, "password", "choose another")
        before = self._kept
        async with self._hashing:
            hashed = await asyncio.to_thread(passwords.hash_password, password)
        self._kept = _Kept(hashed, [], before.tokens)
        try:
            self._save()
        except Refusal:
            self._kept = before
            raise
        self._choose_code()

    def _choose_code(self) -> None:
        groups = ["".join(secrets.choice(CODE_LETTERS) for _ in range(CODE_GROUP)) for _ in "12"]
        self.code = None if self.is_claimed else "-".join(groups)

    # Sessions.

    def open_session(self) -> str:
        """A new session's secret; where it cannot be kept, it is good until control ends."""
        secret = secrets.token_urlsafe(32)
        self._kept.sessions.append(_Session(digest_of(secret), self._now_s()))
        del self._kept.sessions[:-MAX_SESSIONS]
        try:
            self._save()
        except Refusal as refusal:
            # A full disk is what somebody logs in to look into.
            say(f"a session is not kept: {refusal.what}: {refusal.way_out}")
        return secret

    def has_session(self, secret: str) -> bool:
        """Whether a session's secret is good still."""
        digest, now_s = digest_of(secret), self._now_s()
        return any(
            hmac.compare_digest(each.digest, digest) and now_s - each.created_s < SESSION_S
            for each in self._kept.sessions
        )

    def end_session(self, secret: str) -> None:
        """Somebody logs out."""
        digest = digest_of(secret)
        self._kept.sessions = [each for each in self._kept.sessions if each.digest != digest]
        self._save()

    # Tokens.

    def add_token(self, name: str) -> dict[str, Any]:
        """A token for a script, told this once. Raises Refusal."""
        if not name or len(name) > MAX_NAME_LENGTH or not name.isprintable():
            what = f"a token's name has 1 to {MAX_NAME_LENGTH} characters"
            raise Refusal(422, what, "name", "say what it is for: prometheus")
        if len(self._kept.tokens) >= MAX_TOKENS:
            raise Refusal(409, f"there are {MAX_TOKENS} tokens", "tokens", "remove one first")
        secret = TOKEN_START + secrets.token_urlsafe(32)
        token = _Token(secrets.token_hex(4), name, digest_of(secret), self._now_s())
        self._kept.tokens.append(token)
        self._save()
        return {"id": token.id, "name": name, "token": secret}

    def list_tokens(self) -> list[dict[str, Any]]:
        """Their names and when they were made."""
        tokens = self._kept.tokens
        return [{"id": t.id, "name": t.name, "created_s": round(t.created_s)} for t in tokens]

    def remove_token(self, id: str) -> None:
        """It is good no more. Raises Refusal."""
        left = [token for token in self._kept.tokens if token.id != id]
        if len(left) == len(self._kept.tokens):
            raise Refusal(404, "there is no such token", id, "GET /v1/tokens lists them")
        self._kept.tokens = left
        self._save()

    def has_token(self, secret: str) -> bool:
        """Whether a token is good."""
        digest = digest_of(secret)
        return any(hmac.compare_digest(each.digest, digest) for each in self._kept.tokens)

    # The file.

    def _load(self) -> _Kept:
        try:
            return parse_kept(self._path.read_bytes())
        except FileNotFoundError:
            return _Kept()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            say(f"nobody can log in: {self._path} cannot be read ({reason}): {WAY_BACK}")
            # Somebody has claimed the box: it does not become anybody's again by a broken file.
            return _Kept(password="spoilt")

    def _save(self) -> None:
        content = json.dumps({"format": FORMAT, **asdict(self._kept)}, indent=1).encode()
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(self._path, content, FILE_MODE)
        except OSError as error:
            what = f"{self._path} cannot be written ({error.strerror})"
            way_out = "make room, or let the user of gatelight write there"
            raise Refusal(503, what, "state_dir", way_out) from None


def parse_kept(content: bytes) -> _Kept:
    """The file's content. Raises ValueError."""
    try:
        table = json.loads(content)
        if table["format"] != FORMAT:
            raise ValueError(f"format {table['format']}")
        return _Kept(
            None if table["password"] is None else str(table["password"]),
            [_Session(str(s["digest"]), float(s["created_s"])) for s in table["sessions"]],
            [
                _Token(str(t["id"]), str(t["name"]), str(t["digest"]), float(t["created_s"]))
                for t in table["tokens"]
            ],
        )
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"not as it was written: {error}") from None


def digest_of(secret: str) -> str:
    """As a secret of 256 bits is kept: it cannot be guessed, so it needs no slow hash."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def csrf_of(secret: str) -> str:
    """What a page has to send back to prove that it is ours: known to whoever has the session."""
    return hashlib.sha256(b"csrf:" + secret.encode("utf-8", "surrogatepass")).hexdigest()[:40]
