"""Asking a running exporter over HTTP: for commands, never for the daemon."""
