"""What a sample and a scrape cost, beside what others take for the same processes: `make bench`."""
