"""What a test needs of the machine it runs on."""

import os

import pytest


def require(condition: object, reason: str) -> None:
    """Skip the calling test for ``reason`` unless ``condition`` holds; where REQUIRE is "all", fail it."""
    if condition:
        return
    if os.environ.get("REQUIRE") == "all":
        pytest.fail(f"needed here (REQUIRE=all): {reason}", pytrace=False)
    pytest.skip(reason)
