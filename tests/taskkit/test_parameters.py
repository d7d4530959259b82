import pytest

from shared.errors import Invalid
from shared.schemas.experiment import AugmentationStep
from shared.taskkit.augmentations import HORIZONTAL_FLIP, ROTATION
from shared.taskkit.parameters import TrainParams, validated
from shared.taskkit.pipeline import validated_steps


@pytest.mark.parametrize(
    ("name", "value"),
    [("epochs", 0), ("epochs", "many"), ("image_size", 97), ("learning_rate", -1), ("optimizer", "magic"), ("nope", 1)],
)
def test_each_bad_parameter_is_named(name: str, value: object) -> None:
    with pytest.raises(Invalid) as caught:
        validated(TrainParams, {name: value, "seed": 1})
    assert [item.field for item in caught.value.errors] == [f"params.{name}"]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"optimizer": "sgd", "momentum": 0, "nesterov": True}, "nesterov"),
        ({"epochs": 10, "scheduler": "multistep", "milestones": [6, 3]}, "milestones"),
        ({"epochs": 10, "scheduler": "multistep", "milestones": [3, 10]}, "milestones"),
        ({"scheduler": "multistep", "milestones": ["a", "few"]}, "milestones"),
    ],
)
def test_parameters_that_do_not_go_together_are_named(given: dict[str, object], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        validated(TrainParams, given)
    assert [item.field for item in caught.value.errors] == [f"params.{field}"]


def test_what_does_not_apply_is_not_judged() -> None:
    validated(TrainParams, {"epochs": 3, "scheduler": "cosine", "milestones": [9, 4]})
    validated(TrainParams, {"optimizer": "adamw", "momentum": 0, "nesterov": True})


def test_missing_parameters_have_their_defaults() -> None:
    assert validated(TrainParams, {"epochs": 7}) == TrainParams(epochs=7)


def test_every_parameter_says_what_it_is_and_where_it_stands() -> None:
    for name, prop in TrainParams.model_json_schema()["properties"].items():
        assert prop["title"], name
        assert prop["description"], name
        assert prop["form"]["group"], name


def test_augmentations_are_filled_and_checked() -> None:
    offered = (HORIZONTAL_FLIP, ROTATION)
    assert validated_steps(offered, [AugmentationStep(name="rotation")])[0].params == {"degrees": 10.0}
    bad = [
        AugmentationStep(name="rotation", params={"degrees": 900}),
        AugmentationStep(name="horizontal_flip", params={"q": 1}),
        AugmentationStep(name="explode"),
    ]
    with pytest.raises(Invalid) as caught:
        validated_steps(offered, bad)
    fields = [item.field for item in caught.value.errors]
    assert fields == ["augmentations.0.degrees", "augmentations.1.q", "augmentations.2"]
