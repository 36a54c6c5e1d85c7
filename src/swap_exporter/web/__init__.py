"""The HTTP server: it is given a handler and knows nothing of what is served."""
