from swap_exporter.http.rate_limit import RateLimit, TokenBucket


def test_a_burst_passes_and_then_one_an_interval() -> None:
    bucket = TokenBucket(RateLimit(interval=2.0, burst=3), now=100.0)
    assert [bucket.take(100.0) for _ in range(4)] == [True, True, True, False]
    assert [bucket.take(at) for at in (101.9, 102.0, 103.0, 104.0)] == [False, True, False, True]
    assert [bucket.take(1000.0) for _ in range(4)] == [True, True, True, False]
