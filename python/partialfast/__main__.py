"""``python -m partialfast``: the same as the command ``partialfast``."""

from __future__ import annotations

import sys

from partialfast.cli import main

sys.exit(main())
