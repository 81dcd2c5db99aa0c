"""Turns away programs by the name they give themselves, and says who was served by whom."""

from appliance.hooks import Answer, Request, Response, answer

UNWANTED = ("badbot", "scraper")


def on_request(request: Request) -> Answer | None:
    """403 for unwanted programs."""
    agent = request.headers.get("User-Agent", "").lower()
    if any(name in agent for name in UNWANTED):
        return answer(403, "This site is for people.\n")
    return None


def on_response(request: Request, response: Response) -> None:
    """Hides what software answered, except from the network at home."""
    if not request.client_ip.startswith("192.168."):
        response.remove_header("Server")
        response.set_header("X-Served-By", "gatelight")
