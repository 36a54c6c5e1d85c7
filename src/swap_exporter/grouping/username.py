"""The names of users, for ``{{.Username}}``."""

import pwd
from functools import lru_cache


@lru_cache(maxsize=4096)
def username(uid: int) -> str:
    """The name of a user, or its number where the system knows none.

    Asked once per uid: the answer can come from a directory server, and a group must keep its name.
    """
    try:
        return pwd.getpwuid(uid).pw_name
    except (KeyError, OverflowError):
        return str(uid)
