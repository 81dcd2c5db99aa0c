"""Side by side: Gatelight against nginx, HAProxy and Caddy on this machine."""
