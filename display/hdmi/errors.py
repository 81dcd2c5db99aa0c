"""What goes wrong, in words for the person who asked."""

import errno


class HdmiError(Exception):
    """Something cannot be done. In words: what is wrong, with what, and the way out."""

    def __init__(self, what: str, where: str, way_out: str) -> None:
        super().__init__(what, where, way_out)
        self.what = what
        self.where = where
        self.way_out = way_out

    def __str__(self) -> str:
        return f"{self.what} {self.where}: {self.way_out}"


class UsageError(HdmiError):
    """What was asked makes no sense, whatever the machine."""


class RefusedError(HdmiError):
    """What was asked cannot work there; `nearest` is the likest mode that does, if one is known."""

    def __init__(self, what: str, where: str, way_out: str, *, nearest: str | None = None) -> None:
        super().__init__(what, where, way_out)
        self.nearest = nearest


_WAYS_OUT = {
    errno.ENOSPC: ("no room is left to write", "free some space on its partition"),
    errno.EDQUOT: ("no room is left to write", "free some space on its partition"),
    errno.EROFS: ("a read-only partition holds", "mount it writable and try again"),
    errno.EACCES: ("there is no right to change", "run the command as root"),
    errno.EPERM: ("there is no right to change", "run the command as root"),
    errno.ENOENT: ("there is no", "is the boot partition mounted? --boot names its folder"),
    errno.ENOTDIR: ("there is no folder for", "--boot names the folder of config.txt"),
    errno.EISDIR: ("a folder is in the place of", "move it away"),
    errno.EIO: ("the card failed at", "save what is on it and take another"),
}


def error_of(error: OSError, path: object) -> HdmiError:
    """An error of the operating system in words."""
    what, way_out = _WAYS_OUT.get(
        error.errno or 0, (f"{error.strerror or error} at", "see the message of the system")
    )
    return HdmiError(what, str(path), way_out)
