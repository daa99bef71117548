"""Write paths from Arrow, one file a destination."""
