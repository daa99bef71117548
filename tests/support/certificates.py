"""An authority, a server of 127.0.0.1 and a client, made by the openssl that is installed."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Certificates", "certificates"]

_DAYS = "2"


@dataclass(frozen=True)
class Certificates:
    """PEM files. `stranger` is a client that another authority vouches for."""

    authority: Path
    server: Path
    server_key: Path
    client: Path
    client_key: Path
    stranger: Path
    stranger_key: Path


def certificates(folder: Path) -> Certificates:
    """New ones in `folder`."""
    _authority(folder, "ca")
    _authority(folder, "other")
    _signed(folder, "server", by="ca", extension="subjectAltName=IP:127.0.0.1,DNS:localhost")
    _signed(folder, "client", by="ca", extension="extendedKeyUsage=clientAuth")
    _signed(folder, "stranger", by="other", extension="extendedKeyUsage=clientAuth")
    pairs = [folder / f"{name}{end}" for name in ("server", "client", "stranger")
             for end in (".pem", ".key")]  # fmt: skip
    return Certificates(folder / "ca.pem", *pairs)


def _authority(folder: Path, name: str) -> None:
    _openssl(
        folder,
        *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
        *("-keyout", f"{name}.key", "-out", f"{name}.pem", "-days", _DAYS, "-subj", f"/CN={name}"),
    )


def _signed(folder: Path, name: str, *, by: str, extension: str) -> None:
    _openssl(
        folder,
        *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
        *("-keyout", f"{name}.key", "-out", f"{name}.pem", "-days", _DAYS, "-subj", f"/CN={name}"),
        *("-CA", f"{by}.pem", "-CAkey", f"{by}.key", "-addext", extension),
        *("-addext", "basicConstraints=critical,CA:FALSE"),
    )


def _openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)  # noqa: S607 - whichever there is
