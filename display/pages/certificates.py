"""How long each certificate lasts, the shortest first."""

from display.pages.page import Page
from display.pages.parts import Item, draw_rows
from display.pages.sites import draw_empty
from display.render.layout import Kind
from display.status import words
from display.status.verdict import certificate_state

# A certificate whose end is not reported comes before those that last.
_UNKNOWN_DAYS = 0.0
# Where "days" can be written out.
_WIDE_PX = 90


def draw(page: Page) -> None:
    """One line each."""
    status = page.view.known
    sites = [site for site in status.sites if site.certificate is not None]
    body = page.frame("Certificates", str(len(sites)) if sites else "")
    if not sites:
        draw_empty(page, "No certificates", "no site here is served over TLS by this box")
        return
    found = []
    for site in sites:
        assert site.certificate is not None
        left = words.days_left(site.certificate.expires, status.time)
        state = certificate_state(left)
        note = f"from {site.certificate.issuer or words.NOT_REPORTED}"
        lasting = words.days(left)
        if page.form.width < _WIDE_PX:
            lasting = lasting.replace(" days", " d")
        item = Item(words.host_name(site.host), lasting, note, state)
        found.append((_UNKNOWN_DAYS if left is None else left, item))
    found.sort(key=lambda pair: (pair[0], pair[1].label))
    across = 2 if page.form.kind is Kind.WALL and not page.form.is_tall else 1
    draw_rows(page, body, [item for _, item in found], across)
