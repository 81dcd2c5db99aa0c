"""Gatelight: appliance/admin."""
