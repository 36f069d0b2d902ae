"""Links that leave docs/ lead to the repository, on the site alone."""

from __future__ import annotations

import posixpath
import re
from typing import Any

_LINK = re.compile(r"\]\((?P<target>\.\.?/[^)\s#]+)(?P<anchor>#[^)\s]*)?\)")


def on_page_markdown(markdown: str, *, page: Any, config: Any, files: Any) -> str:
    """Rewrite each relative link whose target is not a page of the site.

    Args:
        markdown: The page's text.
        page: The page.
        config: The site's configuration.
        files: The site's files.

    Returns:
        The text with links to the repository.
    """

    def rewrite(link: re.Match[str]) -> str:
        folder = posixpath.dirname(posixpath.join("docs", page.file.src_uri))
        path = posixpath.normpath(posixpath.join(folder, link["target"]))
        inside = path.removeprefix("docs/")
        if inside != path and files.get_file_from_path(inside) is not None:
            return link[0]
        return f"]({config.repo_url}/blob/main/{path}{link['anchor'] or ''})"

    return _LINK.sub(rewrite, markdown)
