"""gunicorn with gevent."""

from tests.zoo.families.gunicorn_sync import Gunicorn


class GunicornGevent(Gunicorn):
    name = "gunicorn-gevent"
    group = "gunicorn:gunicorn-gevent"
    worker_class = "gevent"
    options = ("--keep-alive=86400",)
    keeps = True
    count = 2


FAMILY = GunicornGevent
