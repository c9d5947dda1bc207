"""What answers over HTTP, on demand: the page, metrics and the local API."""
