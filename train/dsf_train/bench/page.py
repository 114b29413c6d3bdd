"""One table's section in a Markdown file that holds others too."""

from __future__ import annotations

import re
from pathlib import Path

from dsf_common.errors import UserError
from dsf_common.files import atomic_write


def put_section(path: Path, name: str, text: str) -> None:
    """Replace the section ``name`` of ``path``, or add it at the end; the rest of the file stays.

    Raises
    ------
    UserError
        The file cannot be read or written.
    """
    begin, end = f"<!-- dsf-bench {name} -->", f"<!-- end of {name} -->"
    section = f"{begin}\n{text.strip()}\n{end}"
    try:
        page = path.read_text(encoding="utf-8") if path.exists() else "# Results\n"
        pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
        page, replaced = pattern.subn(lambda _: section, page)
        if not replaced:
            page = f"{page.rstrip()}\n\n{section}\n"
        with atomic_write(path) as temporary:
            temporary.write_text(page, encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise UserError(f"{path} cannot be written ({problem}); choose another output=") from problem
