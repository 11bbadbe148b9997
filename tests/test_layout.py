"""The house rules that no linter knows: sizes, names, places, and what the text may mention."""

import ast
import importlib.util
import io
import json
import os
import re
import sys
import tokenize
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("domain", "agents", "graph", "prompts", "tools", "learning", "evals", "surfaces")
TOP = {*PACKAGES, "config", "tests", "benchmarks", "deploy", "docs", "examples"}
"""Every folder that may stand at the root."""

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60
VAGUE = {"utils", "util", "helpers", "helper", "common", "manager", "base"}
MADE = {"build", "dist", "node_modules", "__pycache__"}
"""Folders that tools make; like hidden ones they are not ours to check."""


def files(*suffixes: str) -> list[Path]:
    """Our own files with one of these suffixes (all without), in a stable order."""
    found = []
    for folder, below, names in os.walk(ROOT):
        below[:] = [
            d for d in below if d not in MADE and not d.endswith(".egg-info") and (d[0] != "." or d == ".ci")
        ]
        found += [Path(folder, file) for file in names if not suffixes or file.endswith(suffixes)]
    return sorted(found)


def name(path: Path) -> str:
    """The path as a person would write it."""
    return path.relative_to(ROOT).as_posix()


SOURCES = {name(path): path.read_text(encoding="utf-8") for path in files(".py")}
TREES = {path: ast.parse(text, filename=path) for path, text in SOURCES.items()}


def test_no_file_is_longer_than_a_sitting() -> None:
    """Split by subject, not by line count."""
    long = {path: text.count("\n") for path, text in SOURCES.items() if text.count("\n") > MAX_FILE_LINES}
    assert long == {}


def test_no_function_is_longer_than_a_screen() -> None:
    """Measured from its first decorator or `def` to its last line."""
    long = {}
    for path, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
                lines = (node.end_lineno or first) - first + 1
                if lines > MAX_FUNCTION_LINES:
                    long[f"{path}:{node.name}"] = lines
    assert long == {}


def test_no_module_has_a_name_that_says_nothing() -> None:
    """A module is named after what it holds."""
    assert [path for path in SOURCES if VAGUE & set(Path(path).with_suffix("").parts)] == []


def test_folders_are_those_of_the_house() -> None:
    """Each package is there and says in a line what it is for; no other folder of code stands at the root."""
    for package in PACKAGES:
        init = f"{package}/__init__.py"
        assert init in SOURCES, f"{init} is missing"
        assert ast.get_docstring(TREES[init]), f"{init} says nothing"
    assert {Path(path).parts[0] for path in SOURCES if "/" in path} <= TOP
    assert [path for path in SOURCES if "/" not in path] == ["app.py"]


def test_every_folder_of_code_is_a_package() -> None:
    """Without `__init__.py` the import checker would not see it."""
    folders = {Path(path).parent.as_posix() for path in SOURCES if path.split("/")[0] in (*PACKAGES, "tests")}
    assert sorted(f for f in folders if f"{f}/__init__.py" not in SOURCES) == []


def test_domain_needs_only_the_standard_library_and_pydantic() -> None:
    """The import contracts name what is forbidden; this names what is allowed."""
    allowed = {"domain", "pydantic", *sys.stdlib_module_names}
    found = {
        (path, module)
        for path, tree in TREES.items()
        if path.startswith("domain/")
        for module in imported(tree)
        if module not in allowed
    }
    assert found == set()


def test_app_imports_lazily() -> None:
    """At the top of app.py, and of the one file it takes there, stands the standard library: `--help` is quick."""
    for file, also in (("app.py", "tools.toolbox"), ("tools/toolbox.py", None)):
        top = [node for node in TREES[file].body if isinstance(node, ast.Import | ast.ImportFrom)]
        top = [node for node in top if not (isinstance(node, ast.ImportFrom) and node.module == also)]
        assert imported(ast.Module(body=[*top], type_ignores=[])) <= sys.stdlib_module_names
        assert "langgraph" not in imported(TREES[file])


def imported(tree: ast.AST) -> set[str]:
    """First names of all imported modules."""
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    return {found.split(".")[0] for found in names}


@pytest.mark.parametrize("package", [*PACKAGES, "app", "tests"])
def test_no_installed_distribution_has_our_name(package: str) -> None:
    """`agents` and `evals` are also names of libraries: beside one of them, the wrong one may be imported."""
    assert set(packages_distributions().get(package, [])) <= {"leadgraph"}
    found = importlib.util.find_spec(package)
    assert found is not None
    assert found.origin is not None
    assert Path(found.origin).is_relative_to(ROOT)


def test_every_ignore_names_its_code_and_its_reason() -> None:
    """`# type: ignore[code]  # why` and `# noqa: CODE - why`."""
    good = re.compile(r"# type: ignore\[[\w, -]+\]\s+# \w|# noqa: [A-Z]+\d+(, ?[A-Z]+\d+)* - \w")
    bare = [
        f"{path}:{token.start[0]}"
        for path, text in SOURCES.items()
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type == tokenize.COMMENT and re.search(r"# *(type: *ignore|noqa)", token.string)
        if not good.search(token.string)
    ]
    assert bare == []


PLACES = re.compile(
    r"(?<![\w.$}*-])/(?:work|root|opt|home/\w+|Users/\w+|tmp/bash)(?=[/\s\"'`]|$)"
    r"|file:/{2}|pypi\.(?:org|python)|pythonhosted"
    r"|\bshared/(?:data|design|style|specs|integrations|hooks)|\.library/"
)
"""Places of one machine, and addresses of package indexes."""

MAY_LOOK_BESIDE = {"Makefile", ".ci/run"}
"""These two look for development data beside the tree, and do without."""


def test_no_text_names_a_place_of_one_machine() -> None:
    """What we write must be true on every machine."""
    found = []
    for path in files():
        if path == Path(__file__) or path.suffix in {".pyc", ".gz", ".png"}:
            continue
        text = path.read_bytes().decode("utf-8", errors="ignore")
        if name(path) in MAY_LOOK_BESIDE:
            text = text.replace("../shared/data", "")
        found += [f"{name(path)}:{n}" for n, line in enumerate(text.splitlines(), 1) if PLACES.search(line)]
    assert found == []


def test_every_pin_in_the_lock_has_a_hash() -> None:
    """One line per package with a version, at least one sha256, and no address or path."""
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    pins = [re.sub(r"\\\n", " ", pin) for pin in re.split(r"\n(?=[A-Za-z])", lock) if not pin.startswith("#")]
    assert len(pins) > 50
    good = re.compile(r"[\w.-]+==[\w.+]+ .*--hash=sha256:[0-9a-f]{64}")
    assert [pin.split()[0] for pin in pins if not good.match(pin)] == []
    assert "://" not in lock


def test_lock_covers_every_direct_dependency() -> None:
    """A dependency added to pyproject.toml is missing on a fresh machine until `make lock`."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = project["dependencies"] + project["optional-dependencies"]["dev"]
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    names = [re.split(r"[<>=\[;]", line)[0].strip() for line in wanted]
    assert [n for n in names if not re.search(rf"^{re.escape(n)}==", lock, re.MULTILINE)] == []


def test_every_file_in_a_package_is_shipped() -> None:
    """What lies beside the code is in package-data; `config/` is read from the tree, and is there."""
    patterns = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    shipped = {Path(p).suffix for p in patterns["tool"]["setuptools"]["package-data"]["*"]}
    beside = [path for path in files() if name(path).split("/")[0] in PACKAGES and path.suffix != ".py"]
    assert [name(path) for path in beside if path.suffix not in shipped] == []
    assert (ROOT / "config").is_dir()
    assert any('"config"' in text for path, text in SOURCES.items() if path == "tools/settings.py")


def test_studio_opens_a_file_that_is_there() -> None:
    """langgraph.json names `file:function`."""
    for target in json.loads((ROOT / "langgraph.json").read_text(encoding="utf-8"))["graphs"].values():
        file, _, function = target.partition(":")
        tree = TREES[file.removeprefix("./")]
        assert function in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
