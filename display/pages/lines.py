"""What several pages say alike: the address, what is wrong, what is asked for."""

from display.pages.page import Page
from display.pages.parts import Item
from display.render.theme import LOOKS, Role
from display.status import words
from display.status.history import Sample
from display.status.model import Site, State


def trouble_items(page: Page) -> list[Item]:
    """What is wrong, as rows."""
    now = page.view.known.time
    return [
        Item(trouble.what, words.since(trouble.since, now), trouble.why, trouble.state)
        for trouble in page.verdict.troubles
    ]


def site_item(site: Site) -> Item:
    """Traffic where a site is well, its word where it is not."""
    state = site.state
    if state in (State.UP, State.UNKNOWN):
        value = f"{words.short_amount(site.requests_per_s)}/s"
    else:
        down = sum(backend.state is State.DOWN for backend in site.backends)
        value = f"{down} of {len(site.backends)} down" if down else LOOKS[state].word
        if state is State.DOWN:
            value = LOOKS[state].word
    return Item(words.host_name(site.host), value, state=state, is_value_spare=state is State.UP)


def requests(sample: Sample) -> float | None:
    """What the plot shows."""
    return sample.requests_per_s


def choose_address(page: Page, room: int) -> tuple[str, Role]:
    """The first address there is room for, in the largest type that takes it."""
    addresses = page.view.addresses
    roles = (Role.NOTE,) if page.form.is_tiny else (Role.LEAD, Role.BODY, Role.NOTE)
    for role in roles:
        for address in addresses:
            if page.canvas.width(address, role) <= room:
                return address, role
    return addresses[0], roles[-1]
