"""User names for ``{{.Username}}``."""

import pwd
from functools import lru_cache


@lru_cache(maxsize=4096)
def username(uid: int) -> str:
    """The name of a user, or the number if the user is unknown.

    Cached: the lookup can ask a directory server, and a group must keep its name.
    """
    try:
        return pwd.getpwuid(uid).pw_name
    except (KeyError, OverflowError):
        return str(uid)
