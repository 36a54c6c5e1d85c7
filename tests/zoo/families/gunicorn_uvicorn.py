"""gunicorn with uvicorn's workers: the same titles as sync ones, and ten wake-ups a second."""

from tests.zoo.families.gunicorn_sync import Gunicorn


class GunicornUvicorn(Gunicorn):
    name = "gunicorn-uvicorn"
    group = "gunicorn:gunicorn-uvicorn"
    worker_class = "uvicorn_worker.UvicornWorker"
    options = ("--keep-alive=86400",)
    application = "zoo_app:asgi"
    keeps = True
    ticking = True


FAMILY = GunicornUvicorn
