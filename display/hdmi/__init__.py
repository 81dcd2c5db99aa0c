"""HDMI settings of a Raspberry Pi: what its boot files say, and safe changes to them."""
