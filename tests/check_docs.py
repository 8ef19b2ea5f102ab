"""Every relative link of the built documentation leads to a file that was built."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote


def problems(built: Path) -> Iterator[str]:
    """One sentence for each link into nothing."""
    pages = sorted(built.rglob("*.html"))
    if not pages:
        yield f"There is no page in {built}."
    for page in pages:
        for link in re.findall(r'<a [^>]*href="([^"#]+)', page.read_text("utf-8")):
            target = page.parent / unquote(link)
            if not re.match(r"[a-z]+:", link) and not target.is_file():
                yield f"{page.relative_to(built)} links {link}, which is not there."


if __name__ == "__main__":
    found = list(problems(Path(sys.argv[1])))
    print("\n".join(found))
    sys.exit(bool(found))
