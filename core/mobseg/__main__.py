"""``python -m mobseg``: the command line."""

from __future__ import annotations

import sys

from mobseg.cli.main import main

sys.exit(main())
