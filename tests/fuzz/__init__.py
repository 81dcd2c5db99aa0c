"""Targets that throw mutated input at the parsers."""
