"""The clock of documents."""

import time

from shared.schemas.base import utc_now


def next_moment() -> None:
    """Wait until times are later than now: of what is made within one millisecond none is the earlier one."""
    now = utc_now()
    while utc_now() <= now:
        time.sleep(0.0005)
