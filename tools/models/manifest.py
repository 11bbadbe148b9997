"""The manifest of a model package as canonical bytes (RFC 8785), and the version that its content gives it."""

from hashlib import sha256

import rfc8785

from domain.errors import ConfigError
from domain.model import Package


def canonical(package: Package) -> bytes:
    """The bytes that are stored and hashed: equal packages give equal bytes."""
    return rfc8785.dumps(package.model_dump(mode="json"))


def version_of(package: Package) -> str:
    """Content hash of a package, 12 hex digits."""
    return sha256(canonical(package)).hexdigest()[:12]


def read_manifest(content: bytes) -> Package:
    """Inverse of `canonical`. Raises: ConfigError if it is no manifest of this form."""
    try:
        return Package.model_validate_json(content)
    except ValueError as error:
        raise ConfigError(f"this is no manifest of a model package: {error}") from error
