"""The GraphQL face of the queries: scalars, types, fields, schema."""
