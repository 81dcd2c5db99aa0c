"""Gatelight: display."""
