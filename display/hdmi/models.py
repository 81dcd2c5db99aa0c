"""Raspberry Pi models, as far as their HDMI ports and boot files differ (PURE).

Sources: raspberrypi/documentation, config_txt/conditional.adoc (filters) and raspberry-pi revision
codes (board types); Linux, drivers/gpu/drm/vc4/vc4_hdmi.c (`max_pixel_clock`,
`unsupported_odd_h_timings`).
"""

import re
from dataclasses import dataclass

# vc4_hdmi.c, HDMI_14_MAX_TMDS_CLK: above it, HDMI 2.0 scrambling is needed.
HDMI_14_KHZ = 340_000
_VC4_KHZ = (162_000,)
_VC5_KHZ = (600_000, HDMI_14_KHZ)
_VC6_KHZ = (600_000, 600_000)


@dataclass(frozen=True, slots=True)
class Model:
    """What one kind of Raspberry Pi understands and can show.

    `max_clock_khz` has the highest pixel clock of each HDMI port. `even_timings`: two pixels a
    clock, so every horizontal timing must be even. `enable_4kp60`: above HDMI_14_KHZ config.txt
    must say hdmi_enable_4kp60=1.
    """

    name: str
    filters: frozenset[str]
    board_types: frozenset[int]
    max_clock_khz: tuple[int, ...]
    has_firmware_display: bool = True
    has_boost: bool = True
    has_hdmi_filter: bool = False
    has_edid_filter: bool = True
    has_cea_66: bool = False
    even_timings: bool = False
    enable_4kp60: bool = False

    @property
    def ports(self) -> int:
        return len(self.max_clock_khz)


def _old(name: str, filters: str, *board_types: int) -> Model:
    return Model(name, frozenset(filters.split()), frozenset(board_types), _VC4_KHZ)


def _pi4(name: str, filters: str, *board_types: int, ports: int = 2) -> Model:
    return Model(
        name,
        frozenset(filters.split()),
        frozenset(board_types),
        _VC5_KHZ[:ports],
        has_boost=False,
        has_hdmi_filter=True,
        has_cea_66=True,
        even_timings=True,
        enable_4kp60=True,
    )


def _pi5(name: str, filters: str, *board_types: int) -> Model:
    return Model(
        name,
        frozenset(filters.split()),
        frozenset(board_types),
        _VC6_KHZ,
        has_firmware_display=False,
        has_boost=False,
        has_edid_filter=False,
        has_cea_66=True,
    )


# Nothing is known: no filter of a model holds, and no limit is narrower than the widest.
UNKNOWN = Model(
    "unknown", frozenset(), frozenset(), _VC6_KHZ, has_hdmi_filter=True, has_cea_66=True
)

MODELS = {
    model.name: model
    for model in (
        _old("pi1", "pi1", 0x00, 0x01, 0x02, 0x03),
        _old("cm1", "pi1", 0x06),
        _old("pi2", "pi2", 0x04),
        _old("pi3", "pi3", 0x08),
        _old("pi3+", "pi3 pi3+", 0x0D, 0x0E),
        _old("cm3", "pi3", 0x0A, 0x10),
        _old("pi0", "pi0", 0x09),
        _old("pi0w", "pi0 pi0w", 0x0C),
        _old("pi02", "pi0 pi0w pi02", 0x12),
        _pi4("pi4", "pi4", 0x11),
        _pi4("pi400", "pi4 pi400", 0x13),
        _pi4("cm4", "pi4 cm4", 0x14),
        _pi4("cm4s", "pi4 cm4s", 0x15, ports=1),
        _pi5("pi5", "pi5", 0x17),
        _pi5("pi500", "pi5 pi500", 0x19),
        _pi5("cm5", "pi5 cm5", 0x18, 0x1A),
    )
}
MODEL_FILTERS = frozenset().union(*(model.filters for model in MODELS.values()))

# /proc/device-tree/model, the longest name first.
_DEVICE_TREE = (
    (r"Compute Module 5", "cm5"),
    (r"Compute Module 4S", "cm4s"),
    (r"Compute Module 4", "cm4"),
    (r"Compute Module 3", "cm3"),
    (r"Compute Module", "cm1"),
    (r"500", "pi500"),
    (r"400", "pi400"),
    (r"5", "pi5"),
    (r"4", "pi4"),
    (r"3 Model [AB] Plus", "pi3+"),
    (r"3", "pi3"),
    (r"2", "pi2"),
    (r"Zero 2", "pi02"),
    (r"Zero W", "pi0w"),
    (r"Zero", "pi0"),
    (r"Model [AB]", "pi1"),
)


def parse_model(text: str) -> Model | None:
    """A model by its own name (`pi3+`) or by the device tree's; None when it is neither."""
    name = text.rstrip("\0 \n")
    if name in MODELS:
        return MODELS[name]
    for pattern, known in _DEVICE_TREE:
        if re.match(rf"Raspberry Pi {pattern}\b", name):
            return MODELS[known]
    return None
