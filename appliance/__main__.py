"""Where the `gatelight` command begins: what must be settled before anything else is loaded."""

import sys


def main() -> int:
    """Runs the command; the exit code."""
    if sys.argv[1:2] == ["serve"]:
        from appliance.tls.processor import suit_processor

        suit_processor()
    from appliance.cli import main as run

    return run()


if __name__ == "__main__":
    sys.exit(main())
