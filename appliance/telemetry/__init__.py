"""Gatelight: appliance/telemetry."""
