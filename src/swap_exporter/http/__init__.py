"""An HTTP server: TLS, users, limits. It is given a handler and does not know what is served."""
