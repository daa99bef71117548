"""Our store as Jaeger's: its storage API over gRPC, and the query API that its UI speaks."""
