"""The one error that ends a command."""


class FatalError(Exception):
    """Something without which a command cannot go on; its text is one line for a person, or one a mistake."""
