"""Gatelight: appliance/stores."""
