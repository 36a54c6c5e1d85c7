"""A dramatiq actor that gives its result back."""

import os

import dramatiq
import zoo_app
from dramatiq.brokers.redis import RedisBroker
from dramatiq.results import Results
from dramatiq.results.backends import RedisBackend

broker = RedisBroker(url=os.environ["BROKER"])
broker.add_middleware(Results(backend=RedisBackend(url=os.environ["BROKER"])))
dramatiq.set_broker(broker)


@dramatiq.actor(store_results=True, max_retries=0)
def work(ms: float, touch: float, hold: float) -> int:
    return zoo_app.work(ms, touch, hold)
