"""A form as a page shows it (PURE)."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Form:
    """Fields by name, and what is wrong with them."""

    values: dict[str, Any]
    faults: dict[str, str] = field(default_factory=dict)
