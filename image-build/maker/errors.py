"""What keeps an image from being made, in one line."""


class BuildError(Exception):
    """WHAT is wrong with WHERE: the way out."""
