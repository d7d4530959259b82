"""All pages as one router."""

from fastapi import APIRouter

from services.gateway.pages import (
    dataset,
    evaluation,
    export,
    imports,
    jobs,
    projects,
    result,
    split,
    styleguide,
    training,
)

router = APIRouter()
for page in (projects, dataset, imports, split, training, evaluation, result, export, jobs, styleguide):
    router.include_router(page.router)
