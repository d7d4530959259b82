"""Presets of every task with every architecture."""

import pytest

from shared.taskkit import registry
from shared.taskkit.presets import preset_params

ALL = [(spec, architecture) for spec in registry.specs() for architecture in spec.architectures]


@pytest.mark.parametrize(("spec", "architecture"), ALL, ids=lambda value: value.id)
def test_every_preset_is_a_configuration_that_can_be_used(spec, architecture):
    usual = {**spec.params().model_dump(mode="json"), **architecture.overrides}
    for preset in spec.presets:
        given = preset_params(spec, architecture, preset)
        assert given.keys() <= usual.keys()
        params = spec.params.model_validate({**architecture.overrides, **given})
        low, high = architecture.image_sizes
        assert low <= params.image_size <= high
    quick, balanced, best = (preset_params(spec, architecture, item) for item in spec.presets[:3])
    assert quick["epochs"] < balanced["epochs"] < best["epochs"]
    assert balanced == {name: usual[name] for name in balanced}
