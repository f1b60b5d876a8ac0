"""What a module of ours imports, read slowly and surely."""

import ast
from pathlib import Path

from tests.conftest import ROOT


def local_imports(script: Path) -> set[Path]:
    """Every module of ours that `script` imports, directly or through another, anywhere in it."""
    found: set[Path] = set()
    unread = [script]
    while unread:
        for node in ast.walk(ast.parse(unread.pop().read_text())):
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            else:
                continue
            places = [ROOT / name.replace(".", "/") for name in names]
            paths = {place.with_suffix(".py") for place in places}
            paths |= {place / "__init__.py" for place in places if place.parent != ROOT}
            new = {path for path in paths - found if path.is_file()}
            found |= new
            unread += new
    return found
