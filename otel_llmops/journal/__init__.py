"""Durable segments of raw requests, one cursor for each consumer."""
