"""Metrics for Prometheus, and the day's history that the page draws."""
