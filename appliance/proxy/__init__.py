"""Gatelight: appliance/proxy."""
