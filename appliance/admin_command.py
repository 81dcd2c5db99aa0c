"""`gatelight admin`: the dashboard's account, for those who are at the box itself."""

import json
import time
from pathlib import Path

from appliance.admin.account import ACCOUNT_FILE, Account
from appliance.admin.exchange import Refusal
from appliance.admin_client import RefusedError, UnreachableError, ask
from appliance.config import Settings
from appliance.console import say


def reset(socket_path: str, settings: Settings | None, as_json: bool) -> int:
    """Forgets password, sessions and tokens; the exit code."""
    try:
        code = str(ask(socket_path, "/v1/reset", "POST")["code"])
    except UnreachableError as error:
        if settings is None:
            say(f"no answer from {socket_path} ({error}): is gatelight serving? else give --config")
            return 1
        return _reset_file(settings, as_json)
    except RefusedError as error:
        say(str(error))
        return 1
    print(json.dumps({"code": code}) if as_json else f"claim the dashboard with the code {code}")
    return 0


def _reset_file(settings: Settings, as_json: bool) -> int:
    """Where no box runs: it makes a code of its own when it starts."""
    account = Account(Path(settings.proxy.state_dir) / ACCOUNT_FILE, time.time)
    try:
        account.reset()
    except Refusal as refusal:
        say(f"{refusal.what}: {refusal.way_out}")
        return 1
    words = "nobody has claimed the dashboard any more: the box shows a code when it starts"
    print(json.dumps({"code": None}) if as_json else words)
    return 0
