"""Gatelight: appliance/routing."""
