"""Arrow schemas of every table that crosses a boundary, ids and units."""
