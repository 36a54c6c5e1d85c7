"""The endpoints: the handler that the HTTP server is given."""
