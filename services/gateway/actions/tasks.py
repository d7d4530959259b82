"""What can be built, read off the task specs."""

from dataclasses import asdict
from typing import Any

from shared.taskkit import registry
from shared.taskkit.presets import preset_params
from shared.taskkit.spec import Choice, TaskSpec


def overview(spec: TaskSpec) -> dict[str, Any]:
    """Return a task as the list of tasks shows it."""
    return {
        "id": spec.id,
        "label": spec.label,
        "description": spec.description,
        "icon": spec.icon,
        "annotation_kind": spec.annotation_kind,
        "import_formats": [_choice(item) for item in spec.import_formats],
        "dataset_formats": [_choice(item) for item in spec.dataset_formats],
        "metrics": [
            {
                "key": item.key,
                "label": item.label,
                "help": item.help,
                "direction": "higher" if item.higher_is_better else "lower",
                "primary": item.primary,
                "style": item.style,
            }
            for item in spec.metrics
        ],
    }


def detail(task_id: str) -> dict[str, Any]:
    """Return everything about a task.

    Raises:
        NotFound: there is no such task.
    """
    spec = registry.spec(task_id)
    return {
        **overview(spec),
        "parameters": spec.params_schema(),
        "architectures": [
            {
                "id": item.id,
                "label": item.label,
                "parameters": item.parameters,
                "input_size": item.input_size,
                "licence": item.licence,
                "source": item.source,
                "notes": item.notes,
                "overrides": dict(item.overrides),
                "image_sizes": list(item.image_sizes),
            }
            for item in spec.architectures
        ],
        "presets": [
            {
                "id": item.id,
                "label": item.label,
                "help": item.help,
                "params": {each.id: preset_params(spec, each, item) for each in spec.architectures},
            }
            for item in spec.presets
        ],
        "losses": [_choice(item) for item in spec.losses],
        "augmentations": [item.model_dump(mode="json") for item in spec.augmentations],
        "transforms": [asdict(item) for item in spec.transforms],
        "evaluation_options": spec.evaluation_options.model_json_schema(),
        "export_formats": [_choice(item) for item in spec.export_formats],
    }


def _choice(item: Choice) -> dict[str, str]:
    return {"id": item.value, "label": item.label, "help": item.help}
