"""GET /health and /ready, for container health checks and load balancers."""

from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from mail_api import openapi
from mail_api.dependencies import OptionalKeyDep
from mail_api.readiness import CACHE_SECONDS
from mail_api.services import ServicesDep

router = APIRouter(tags=["Health"])


class HealthAnswer(BaseModel):
    """The process is alive."""

    status: Literal["ok"] = "ok"


class ReadyAnswer(BaseModel):
    """Whether a mail sent now would leave."""

    status: Literal["ready", "not ready"]
    reasons: dict[str, str] | None = Field(default=None, description="Reasons by part; only for an API key.")


# Each path has two routes: one answers GET and HEAD, the other is for OpenAPI only. A single route would give both
# methods the same operation id.
@router.get("/health", summary="Check that the process is alive", responses=openapi.HEALTH_RESPONSES)
@router.api_route("/health", methods=["GET", "HEAD"], include_in_schema=False)
async def get_health() -> HealthAnswer:
    """Check that the process is alive, and nothing more."""
    return HealthAnswer()


@router.get("/ready", summary="Check that a mail sent now would leave", responses=openapi.READY_RESPONSES)
@router.api_route("/ready", methods=["GET", "HEAD"], include_in_schema=False, response_model_exclude_none=True)
async def get_readiness(response: Response, key: OptionalKeyDep, services: ServicesDep) -> ReadyAnswer:
    """Check the mail server, the relay, the queue, the quota and the mail log. The reasons are also in the log."""
    reasons = await services.readiness.reasons()
    if not reasons:
        return ReadyAnswer(status="ready")
    response.status_code = 503
    response.headers["Retry-After"] = f"{CACHE_SECONDS:.0f}"
    return ReadyAnswer(status="not ready", reasons=dict(reasons) if key else None)
