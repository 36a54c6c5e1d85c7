"""The report: two samples and the metrics of an exporter, as rows, printed as a table or as JSON."""
