"""The two seams, the tables and the queries, once."""
