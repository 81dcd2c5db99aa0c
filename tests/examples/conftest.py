"""The examples run as scripts, so their folders are where Python looks."""

import sys

from tests.support.program import ROOT

sys.path.insert(0, str(ROOT / "examples" / "chat"))
