"""Gatelight: appliance/wire."""
