"""A token bucket, as web.yml's rate_limit has it."""

from dataclasses import dataclass
from threading import Lock


@dataclass(frozen=True, slots=True)
class RateLimit:
    """One request every `interval` seconds, and up to `burst` at once after a pause."""

    interval: float
    burst: int


class TokenBucket:
    """Starts full."""

    def __init__(self, limit: RateLimit, now: float) -> None:
        self.limit = limit
        self._tokens = float(limit.burst)
        self._filled_at = now
        self._lock = Lock()

    def take(self, now: float) -> bool:
        """Whether one more request may pass at this monotonic time."""
        with self._lock:
            earned = (now - self._filled_at) / self.limit.interval
            self._tokens = min(float(self.limit.burst), self._tokens + earned)
            self._filled_at = now
            if self._tokens < 1:
                return False
            self._tokens -= 1
            return True
