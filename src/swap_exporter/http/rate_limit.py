"""A token bucket, for rate_limit of web.yml."""

from dataclasses import dataclass
from threading import Lock


@dataclass(frozen=True, slots=True)
class RateLimit:
    """One request per `interval` seconds on average, up to `burst` at once."""

    interval: float
    burst: int


class TokenBucket:
    """Starts full, with `burst` tokens."""

    def __init__(self, limit: RateLimit, now: float) -> None:
        self.limit = limit
        self._tokens = float(limit.burst)
        self._filled_at = now
        self._lock = Lock()

    def take(self, now: float) -> bool:
        """Take a token for a request at this monotonic time; False if there is none."""
        with self._lock:
            earned = (now - self._filled_at) / self.limit.interval
            self._tokens = min(float(self.limit.burst), self._tokens + earned)
            self._filled_at = now
            if self._tokens < 1:
                return False
            self._tokens -= 1
            return True
