"""Gatelight: appliance/health."""
