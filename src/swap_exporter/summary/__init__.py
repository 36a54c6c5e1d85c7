"""The summary on the page and in the report: the host in one sentence, states of groups, remedies."""
