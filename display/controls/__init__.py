"""Buttons, keys, touch and the LED."""
