"""Run one subject again and again, for a profiler.

``python -m benches.profile typed/orders-100k 10`` runs for ten seconds.
"""

from __future__ import annotations

import sys
import time

from benches.peers import SUBJECTS
from benches.workloads import workload


def main(what: str, seconds: float) -> None:
    """Run until the time is over.

    Args:
        what: ``SUBJECT/WORKLOAD``; the subject may be left out and is then ``typed``.
        seconds: For how long.
    """
    subject, _, name = what.rpartition("/")
    run, work = SUBJECTS[subject or "typed"], workload(name)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        run(work)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(sys.argv[1], float(sys.argv[2]))
