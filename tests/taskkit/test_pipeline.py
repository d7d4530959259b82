"""Which pipelines are refused, with the field and the reason."""

import pytest

from shared.errors import Invalid
from shared.schemas.experiment import AugmentationStep
from shared.taskkit import registry
from shared.taskkit.augmentations import (
    AFFINE,
    COLOR_JITTER,
    HORIZONTAL_FLIP,
    JPEG,
    OBJECT_CROP,
    POSTERIZE,
    RAND_AUGMENT,
    RANDOM_CROP,
    RANDOM_ERASING,
    TRANSFORMS,
    TRIVIAL_AUGMENT,
    ZOOM_OUT,
)
from shared.taskkit.pipeline import validated_steps


def refused(*steps: AugmentationStep) -> dict[str, str]:
    with pytest.raises(Invalid) as caught:
        validated_steps(TRANSFORMS, steps)
    return {item.field: item.message for item in caught.value.errors}


def off(step: AugmentationStep) -> AugmentationStep:
    return step.model_copy(update={"enabled": False})


@pytest.mark.parametrize(
    ("steps", "field", "reason"),
    [
        (
            (RANDOM_ERASING.step(), HORIZONTAL_FLIP.step()),
            "augmentations.0",
            "has to stand last",
        ),
        ((OBJECT_CROP.step(), ZOOM_OUT.step()), "augmentations.0", "Zoom out"),
        ((RANDOM_CROP.step(), COLOR_JITTER.step(), ZOOM_OUT.step()), "augmentations.0", "Zoom out"),
        ((HORIZONTAL_FLIP.step(), HORIZONTAL_FLIP.step()), "augmentations.1", "stands in the pipeline already"),
        ((HORIZONTAL_FLIP.step(), off(HORIZONTAL_FLIP.step())), "augmentations.1", "stands in the pipeline already"),
        ((RAND_AUGMENT.step(), TRIVIAL_AUGMENT.step()), "augmentations.0", "use one of them"),
        ((AFFINE.step(min_scale=2, max_scale=1),), "augmentations.0.min_scale", "largest scale, which is 1"),
        ((AFFINE.step(min_scale=2),), "augmentations.0.min_scale", "largest scale, which is 1.1"),
        ((JPEG.step(max_quality=10),), "augmentations.0.min_quality", "highest quality, which is 10"),
        ((POSTERIZE.step(bits=2.5),), "augmentations.0.bits", "must be a whole number from 1 to 8"),
        ((COLOR_JITTER.step(hue=float("nan")),), "augmentations.0.hue", "must be a number from 0 to 0.5"),
        ((COLOR_JITTER.step(hue=True),), "augmentations.0.hue", "must be a number from 0 to 0.5"),
        ((AugmentationStep(name="posterize", params={"bits": "4"}),), "augmentations.0.bits", "must be a whole number"),
    ],
)
def test_what_cannot_be_is_refused_with_its_place_and_reason(
    steps: tuple[AugmentationStep, ...], field: str, reason: str
) -> None:
    told = refused(*steps)
    assert list(told) == [field]
    assert reason in told[field]


def test_what_is_switched_off_may_stand_anywhere() -> None:
    steps = [off(RANDOM_ERASING.step()), OBJECT_CROP.step(), off(ZOOM_OUT.step())]
    assert validated_steps(TRANSFORMS, steps) == steps


def test_the_order_is_kept_and_whole_numbers_are_whole() -> None:
    given = [POSTERIZE.step(bits=3.0), HORIZONTAL_FLIP.step(), RANDOM_ERASING.step()]
    found = validated_steps(TRANSFORMS, given)
    assert [step.name for step in found] == [step.name for step in given]
    assert repr(found[0].params["bits"]) == "3"


@pytest.mark.parametrize("spec", TRANSFORMS, ids=lambda spec: spec.name)
def test_every_transform_explains_itself(spec) -> None:
    assert spec.help.endswith(".")
    for param in spec.params:
        assert param.help.endswith("."), param.name
        assert param.minimum <= param.default <= param.maximum
    assert validated_steps(TRANSFORMS, [spec.step()])


@pytest.mark.parametrize("spec", registry.specs(), ids=lambda spec: spec.id)
def test_a_task_offers_only_what_can_carry_its_annotations(spec) -> None:
    assert validated_steps(spec.transforms, spec.augmentations) == list(spec.augmentations)
    names = [item.name for item in spec.transforms]
    assert len(names) == len(set(names))
    if spec.annotation_kind != "label":
        assert not {RAND_AUGMENT, TRIVIAL_AUGMENT} & set(spec.transforms)
