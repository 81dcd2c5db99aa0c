"""What goes with an image: what is in it, and what Raspberry Pi Imager needs to know."""

import json
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from maker.options import MODELS

# Relative to where the manifest lies; whoever serves it elsewhere writes the whole address.
ICON = "https://www.raspberrypi.com/favicon.ico"


def parse_packages(status: str) -> list[tuple[str, str]]:
    """Installed Debian packages with versions, from dpkg's status (PURE)."""
    found = []
    for entry in status.split("\n\n"):
        fields = dict(re.findall(r"^(Package|Version|Status): (.*)$", entry, re.MULTILINE))
        if fields.get("Status") == "install ok installed":
            found.append((fields["Package"], fields["Version"]))
    return sorted(found)


def parse_distributions(names: Iterable[str]) -> list[tuple[str, str]]:
    """Python distributions by their folders NAME-VERSION.dist-info (PURE)."""
    matches = (re.fullmatch(r"(.+)-([^-]+)\.dist-info", name) for name in names)
    return sorted((match[1].lower().replace("_", "-"), match[2]) for match in matches if match)


def make_sbom(
    name: str, time_s: int, debian: Sequence[tuple[str, str]], python: Sequence[tuple[str, str]]
) -> dict[str, Any]:
    """SPDX 2.3: every package with its version and where it is from (PURE)."""
    created = datetime.fromtimestamp(time_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def entry(kind: str, package: str, version: str, purl: str) -> dict[str, Any]:
        locator = {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl"}
        return {
            "SPDXID": f"SPDXRef-{kind}-{re.sub(r'[^A-Za-z0-9.-]', '-', package)}",
            "name": package,
            "versionInfo": version,
            "downloadLocation": "NOASSERTION",
            "filesAnalyzed": False,
            "externalRefs": [{**locator, "referenceLocator": purl}],
        }

    packages = [
        entry("deb", package, version, f"pkg:deb/debian/{package}@{version}?arch=arm64")
        for package, version in debian
    ] + [
        entry("python", package, version, f"pkg:pypi/{package}@{version}")
        for package, version in python
    ]
    return {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": name,
        "documentNamespace": f"https://spdx.org/spdxdocs/{name}-{time_s}",
        "creationInfo": {"created": created, "creators": ["Tool: gatelight image-build"]},
        "packages": packages,
        "relationships": [
            {
                "spdxElementId": "SPDXRef-DOCUMENT",
                "relationshipType": "DESCRIBES",
                "relatedSpdxElement": package["SPDXID"],
            }
            for package in packages
        ],
    }


def make_manifest(
    version: str,
    file: str,
    models: Sequence[str],
    time_s: int,
    extracted: tuple[int, str],
    download_size: int,
) -> dict[str, Any]:
    """Raspberry Pi Imager's list of one system; a wrong sum would spoil the card (PURE)."""
    size, sha256 = extracted
    return {
        "os_list": [
            {
                "name": f"Gatelight {version}",
                "description": "The front door of a home or lab network, with a light on it",
                "icon": ICON,
                "url": file,
                "extract_size": size,
                "extract_sha256": sha256,
                "image_download_size": download_size,
                "release_date": datetime.fromtimestamp(time_s, UTC).strftime("%Y-%m-%d"),
                "init_format": "none",
                "devices": sorted({MODELS[model][0] for model in models}),
            }
        ]
    }


def write_json(path: Path, table: dict[str, Any]) -> None:
    """For programs, and readable."""
    path.write_text(json.dumps(table, indent=1, sort_keys=True) + "\n")
