"""The certificate that every target shows: ECDSA P-256, made once for a measurement."""

import subprocess
from pathlib import Path


def make_certificate(folder: Path) -> Path:
    """site.pem, site.key and both.pem in a folder; what is there already stays."""
    both = folder / "both.pem"
    if not both.exists():
        command = [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt"),
            *("ec_paramgen_curve:prime256v1", "-nodes", "-days", "30", "-subj"),
            *("/CN=photos.home.arpa", "-addext", "subjectAltName=DNS:photos.home.arpa"),
            *("-keyout", "site.key", "-out", "site.pem"),
        ]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
        both.write_bytes((folder / "site.pem").read_bytes() + (folder / "site.key").read_bytes())
    return folder
