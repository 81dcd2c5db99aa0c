"""What the running box says about itself, and what that means."""
