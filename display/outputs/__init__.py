"""Physical screens: what is sent to them, and nothing about what it means."""
