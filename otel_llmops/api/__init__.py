"""GraphQL and REST over the storage's queries."""
