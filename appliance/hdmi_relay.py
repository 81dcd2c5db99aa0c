"""HDMI settings for the dashboard: asked of gatelight-hdmi, which alone may change them.

What only reads is the command's own JSON; what changes something goes to its helper, over the
socket and in the words of docs/hdmi.md.
"""

import asyncio
import json
import shutil
import sys
from pathlib import Path
from typing import Any

from appliance.admin.exchange import Refusal

HELPER = Path("/run/gatelight-hdmi/helper.sock")
MAX_MESSAGE_BYTES = 4096
# Writing and flushing a card's FAT partition takes seconds on a slow card.
HELPER_TIMEOUT_S = 60.0
READ_TIMEOUT_S = 15.0
MAX_OUTPUT_BYTES = 1 << 20
REQUESTS = ("confirm", "undo", "set", "safe", "reset")
WHERE = "the HDMI settings"


class HdmiRelay:
    """`helper` and `command` are where they are found."""

    def __init__(self, helper: Path = HELPER, command: str | None = None) -> None:
        self._helper = helper
        self._command = command or find_command()

    async def show(self) -> dict[str, Any]:
        """What is plugged in, which settings count, and which modes there are. Raises Refusal."""
        shown, modes = await asyncio.gather(self._read("show"), self._read("modes"))
        return {"show": shown, "modes": modes, "can_change": self._helper.is_socket()}

    async def _read(self, what: str) -> Any:
        if self._command is None:
            way_out = "install Gatelight whole: it is part of it"
            raise Refusal(503, "there is no gatelight-hdmi on this box", WHERE, way_out)
        process = await asyncio.create_subprocess_exec(
            *(self._command, what, "--json"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=MAX_OUTPUT_BYTES,
        )
        try:
            async with asyncio.timeout(READ_TIMEOUT_S):
                output, errors = await process.communicate()
        except TimeoutError:
            raise Refusal(
                503, "gatelight-hdmi has not answered in time", WHERE, "try again"
            ) from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        try:
            content = json.loads(output)
        except ValueError:
            words = errors.decode(errors="replace").strip().removeprefix("gatelight: ")
            raise Refusal(503, words[:500] or "nothing was answered", WHERE, "") from None
        if isinstance(content, dict) and "error" in content:
            raise refuse(content["error"], 503)
        return content

    async def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Has the helper do something. Raises Refusal."""
        if request.get("do") not in REQUESTS:
            raise Refusal(400, "no such request", WHERE, f"one of {', '.join(REQUESTS)}")
        line = json.dumps(request).encode() + b"\n"
        if len(line) > MAX_MESSAGE_BYTES:
            raise Refusal(413, "the request is too large", WHERE, "leave out what is not needed")
        try:
            async with asyncio.timeout(HELPER_TIMEOUT_S):
                reader, writer = await asyncio.open_unix_connection(
                    str(self._helper), limit=MAX_MESSAGE_BYTES
                )
                try:
                    writer.write(line)
                    answer = json.loads(await reader.readline())
                finally:
                    writer.close()
        except (OSError, ValueError, TimeoutError) as error:
            reason = getattr(error, "strerror", None) or "no answer"
            way_out = "systemctl enable --now gatelight-hdmi.socket"
            what = f"the helper for HDMI settings does not answer ({reason})"
            raise Refusal(503, what, str(self._helper), way_out) from None
        if not isinstance(answer, dict):
            raise Refusal(502, "the helper's answer is not understood", WHERE, "update the box")
        if "error" in answer:
            raise refuse(answer["error"], 409)
        return answer


def refuse(error: Any, status: int) -> Refusal:
    """The helper's or the command's error as ours (PURE)."""
    table = error if isinstance(error, dict) else {}
    words = [str(table.get(key, "")) for key in ("what", "where", "way_out")]
    if nearest := table.get("nearest"):
        words[2] = f"{words[2]}; the nearest that works: {nearest}".removeprefix("; ")
    return Refusal(status, *words)


def find_command() -> str | None:
    """gatelight-hdmi, beside this program or in the path."""
    beside = Path(sys.executable).with_name("gatelight-hdmi")
    return str(beside) if beside.exists() else shutil.which("gatelight-hdmi")
