"""What people read first, on the page and in the report: the host in a sentence, group states, remedies."""
