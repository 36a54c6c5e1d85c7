"""gunicorn with threads: a worker serves several requests and polls once a second."""

from tests.zoo.families.gunicorn_sync import Gunicorn


class GunicornGthread(Gunicorn):
    name = "gunicorn-gthread"
    group = "gunicorn:gunicorn-gthread"
    worker_class = "gthread"
    options = ("--threads=4", "--keep-alive=86400")
    keeps = True


FAMILY = GunicornGthread
