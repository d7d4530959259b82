"""All pages as one router."""

from fastapi import APIRouter

from services.gateway.pages import (
    dataset,
    evaluation,
    export,
    import_preview,
    imports,
    jobs,
    projects,
    result,
    split,
    styleguide,
    training,
)

router = APIRouter()
for page in (projects, dataset, imports, import_preview, split, training, evaluation, result, export, jobs, styleguide):
    router.include_router(page.router)
