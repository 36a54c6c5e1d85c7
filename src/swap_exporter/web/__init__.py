"""HTTP: a server, which is given a handler and knows nothing of what is served, and the handler."""
