"""The page before its data: HTML with its style and its script filled in, packed in a handout."""

import gzip
import shutil
from pathlib import Path

HERE = Path(__file__).parent
PACKED = "page.html.gz"


def read(folder: Path = HERE) -> str:
    """Read the page without data; `folder` is this one, or a copy."""
    if (folder / PACKED).exists():
        return gzip.decompress((folder / PACKED).read_bytes()).decode()
    page = (folder / "template.html").read_text(encoding="utf-8")
    for mark, name in ("/*{{style}}*/", "style.css"), ("/*{{script}}*/", "lesson.js"):
        page = page.replace(mark, (folder / name).read_text(encoding="utf-8"))
    return page


def hand_out(source: Path, target: Path) -> None:
    """Copy this package; the page is packed, since its script has what students derive."""
    ignore = shutil.ignore_patterns("*.html", "*.css", "*.js", "__pycache__")
    shutil.copytree(source, target, ignore=ignore)
    (target / PACKED).write_bytes(gzip.compress(read(source).encode(), mtime=0))
