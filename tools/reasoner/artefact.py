"""The classifier's file: read strictly, written the same every time."""

import json
from hashlib import sha256
from pathlib import Path

from domain.errors import ConfigError
from domain.intent_model import SALE, IntentModel, document_of, model_from


def load_intent_model(file: Path, needs: frozenset[str] = frozenset({SALE})) -> tuple[IntentModel, str]:
    """The model in `file` with the heads `needs`, and its version: the content hash, 12 hex digits.

    Raises: ConfigError.
    """
    try:
        content = file.read_bytes()
        document = json.loads(content)
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read ({error.strerror}); check the path") from None
    except ValueError:
        raise ConfigError(f"{file}: is not JSON; train it anew") from None
    return model_from(document, place=str(file), needs=needs), sha256(content).hexdigest()[:12]


def save_intent_model(model: IntentModel, file: Path) -> None:
    """Write `model`, one list a line."""
    document = document_of(model)
    parts = []
    for name, value in document.items():
        if isinstance(value, list) and value and isinstance(value[0], list):
            text = "[\n" + ",\n".join(json.dumps(row) for row in value) + "\n]"
        elif isinstance(value, dict):
            lines = (
                f"{json.dumps(key, ensure_ascii=False)}: {json.dumps(row)}" for key, row in value.items()
            )
            text = "{\n" + ",\n".join(lines) + "\n}"
        else:
            text = json.dumps(value)
        parts.append(f"{json.dumps(name)}: {text}")
    file.write_text("{\n" + ",\n".join(parts) + "\n}\n", encoding="utf-8")
