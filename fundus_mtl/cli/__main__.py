"""``python -m fundus_mtl.cli``: the same as the command ``fundus-mtl``."""

from __future__ import annotations

import sys

from fundus_mtl.cli import main

sys.exit(main())
