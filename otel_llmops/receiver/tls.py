"""Certificates for both transports, read once and tried before anything listens."""

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

from otel_llmops.errors import ConfigError

__all__ = ["Tls"]


@dataclass(frozen=True, slots=True)
class Tls:
    """PEM files. With `client_ca`, only senders with a certificate of that authority come in."""

    certificate: Path
    key: Path
    client_ca: Path | None = None

    def context(self) -> ssl.SSLContext:
        """For the HTTP server, TLS 1.2 or newer.

        Raises: ConfigError, if a file cannot be read, is not PEM, or key and certificate differ.
        """
        try:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(self.certificate, self.key, password=_no_password)
            if self.client_ca is not None:
                context.load_verify_locations(self.client_ca)
                context.verify_mode = ssl.CERT_REQUIRED
        except (OSError, ssl.SSLError, ValueError) as error:
            files = ", ".join(str(each) for each in (self.certificate, self.key, self.client_ca))
            raise ConfigError(
                f"TLS cannot be used: {error} (of {files})",
                hint="PEM files are needed: certificate chain, its key without a password",
            ) from error
        return context

    def credentials(self) -> Any:
        """For the gRPC server. Call `context` first: grpc itself tells no reasons."""
        pair = (self.key.read_bytes(), self.certificate.read_bytes())
        authorities = self.client_ca.read_bytes() if self.client_ca else None
        return grpc.ssl_server_credentials(
            [pair], root_certificates=authorities, require_client_auth=authorities is not None
        )


def _no_password() -> str:
    # without this, OpenSSL would ask at the terminal
    raise ValueError("the key has a password")
