"""The API's own page, /docs, with Swagger UI's files from this server: FastAPI's default loads them from a CDN."""

from importlib import resources
from pathlib import Path
from typing import Final

from fastapi import APIRouter
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.responses import FileResponse, HTMLResponse

_FILES: Final = Path(str(resources.files("fastapi_swagger") / "resources"))
_SCRIPT: Final = "swagger-ui-bundle.js"
_STYLE: Final = "swagger-ui.css"
_ICON: Final = "favicon-32x32.png"


def docs_routes(title: str) -> APIRouter:
    """Return the page and its three files; links are relative, so that it works below any path."""
    router = APIRouter(include_in_schema=False)

    @router.get("/docs")
    async def docs() -> HTMLResponse:
        return get_swagger_ui_html(
            title=title,
            openapi_url="openapi.json",
            swagger_js_url=f"docs/{_SCRIPT}",
            swagger_css_url=f"docs/{_STYLE}",
            swagger_favicon_url=f"docs/{_ICON}",
        )

    def offer(name: str) -> None:
        @router.get(f"/docs/{name}")
        async def file() -> FileResponse:
            return FileResponse(_FILES / name)

    for name in (_SCRIPT, _STYLE, _ICON):
        offer(name)
    return router
