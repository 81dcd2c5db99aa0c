"""Gatelight: appliance/tls."""
