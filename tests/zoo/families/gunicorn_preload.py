"""gunicorn with an application that the master loads: workers share its pages."""

from tests.zoo.families.gunicorn_sync import Gunicorn


class GunicornPreload(Gunicorn):
    name = "gunicorn-preload"
    group = "gunicorn:gunicorn-preload"
    options = ("--preload",)


FAMILY = GunicornPreload
