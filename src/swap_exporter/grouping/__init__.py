"""Which group a process belongs to, and in which role."""
