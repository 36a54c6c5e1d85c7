"""The landing page at `/`: HTML for people."""
