"""All pages as one router."""

from fastapi import APIRouter

from services.gateway.pages import (
    augmentations,
    compare,
    dataset,
    dataset_export,
    evaluation,
    export,
    import_preview,
    imports,
    jobs,
    projects,
    result,
    revisions,
    split,
    styleguide,
    training,
)

router = APIRouter()
for page in (
    projects,
    revisions,
    dataset,
    dataset_export,
    imports,
    import_preview,
    split,
    compare,
    training,
    augmentations,
    evaluation,
    result,
    export,
    jobs,
    styleguide,
):
    router.include_router(page.router)
