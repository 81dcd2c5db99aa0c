"""Gatelight: appliance/upstream."""
