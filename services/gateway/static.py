"""Static files: cached for good under an address that carries a mark of their content, else asked for each time."""

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope


class MarkedFiles(StaticFiles):
    """Sets Cache-Control by whether the address has a content mark (`?v=`)."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return the file with its caching rule."""
        answer = await super().get_response(path, scope)
        marked = scope["query_string"].startswith(b"v=")
        answer.headers["Cache-Control"] = "public, max-age=31536000, immutable" if marked else "no-cache"
        return answer
