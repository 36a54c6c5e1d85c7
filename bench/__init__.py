"""What a sample and a scrape cost, compared with other programs on the same processes: `make bench`."""
