"""The table that a person sees: two samples and what an exporter tells, in rows, drawn or as JSON."""
