"""Augmentations as data: which there are, their parameters and bounds, what may stand where.

`shared.taskkit.pipeline` checks pipelines of them, `shared.vision.augment` carries them out.
"""

from dataclasses import dataclass, field
from typing import Literal

from shared.schemas.experiment import AugmentationStep

Group = Literal["Geometry", "Color", "Quality", "Occlusion", "Policy"]


@dataclass(frozen=True, slots=True)
class TransformParam:
    """A number a transform takes."""

    name: str
    label: str
    default: float
    minimum: float
    maximum: float
    help: str = ""
    whole: bool = False
    """Whether it counts something, so that only whole numbers make sense."""


@dataclass(frozen=True, slots=True)
class TransformSpec:
    """A transform a person can put into the pipeline, once."""

    name: str
    label: str
    help: str
    params: tuple[TransformParam, ...] = field(default=())
    group: Group = "Color"
    geometry: bool = False
    """Whether it moves what the image shows, so that boxes have to move with it."""
    ascending: tuple[tuple[str, str], ...] = ()
    """Pairs of parameters of which the first must not be larger than the second."""
    after: tuple[str, ...] = ()
    """Transforms that have to stand before it where both are used."""
    last: bool = False
    """Whether it works on the normalised input of the model, behind everything else."""

    def step(self, **params: float) -> AugmentationStep:
        """Return a pipeline step of this transform; what is not given has its default."""
        return AugmentationStep(name=self.name, params={p.name: params.get(p.name, p.default) for p in self.params})


def _probability(default: float = 0.5) -> TransformParam:
    return TransformParam("p", "Probability", default, 0.0, 1.0, "Share of images it is applied to.")


HORIZONTAL_FLIP = TransformSpec(
    "horizontal_flip", "Horizontal flip", "Mirrors left and right.", (_probability(),), "Geometry", geometry=True
)
VERTICAL_FLIP = TransformSpec(
    "vertical_flip", "Vertical flip", "Mirrors top and bottom.", (_probability(),), "Geometry", geometry=True
)
RANDOM_CROP = TransformSpec(
    "random_resized_crop",
    "Random crop",
    "Cuts out a part and resizes it, so that objects appear at many scales.",
    (TransformParam("min_scale", "Smallest area", 0.6, 0.05, 1.0, "Least share of the image that is kept."),),
    "Geometry",
    geometry=True,
    after=("zoom_out",),
)
ROTATION = TransformSpec(
    "rotation",
    "Rotation",
    "Turns the image by a random angle. A box becomes the upright box around the turned one.",
    (TransformParam("degrees", "Largest angle", 10.0, 0.0, 180.0, "Degrees to either side."),),
    "Geometry",
    geometry=True,
)
AFFINE = TransformSpec(
    "affine",
    "Affine",
    "Moves, scales and shears the image at random. A box becomes the upright box around the changed one.",
    (
        TransformParam("translate", "Largest shift", 0.1, 0.0, 0.9, "To any side, as a share of the image."),
        TransformParam("min_scale", "Smallest scale", 0.9, 0.1, 4.0, "1 keeps the size."),
        TransformParam("max_scale", "Largest scale", 1.1, 0.1, 4.0, "1 keeps the size."),
        TransformParam("shear", "Largest shear", 0.0, 0.0, 60.0, "Degrees to either side."),
    ),
    "Geometry",
    geometry=True,
    ascending=(("min_scale", "max_scale"),),
)
PERSPECTIVE = TransformSpec(
    "perspective",
    "Perspective",
    "Looks at the image from a random side. A box becomes the upright box around the changed one.",
    (
        _probability(),
        TransformParam("distortion", "Distortion", 0.2, 0.0, 0.9, "How far corners move, in half sides of the image."),
    ),
    "Geometry",
    geometry=True,
)
ZOOM_OUT = TransformSpec(
    "zoom_out",
    "Zoom out",
    "Puts the image somewhere on a larger grey ground, so that objects become small (Liu et al. 2016).",
    (_probability(0.3), TransformParam("max_side", "Largest side", 2.0, 1.0, 4.0, "In sides of the image.")),
    "Geometry",
    geometry=True,
)
OBJECT_CROP = TransformSpec(
    "iou_crop",
    "IoU crop",
    "Cuts out a part that holds at least some share of an object (Liu et al. 2016). Objects outside are left out.",
    (_probability(), TransformParam("min_side", "Smallest side", 0.5, 0.1, 1.0, "Least share of either side.")),
    "Geometry",
    geometry=True,
    after=("zoom_out",),
)

COLOR_JITTER = TransformSpec(
    "color_jitter",
    "Color jitter",
    "Changes brightness, contrast, saturation and hue at random.",
    (
        TransformParam("brightness", "Brightness", 0.2, 0.0, 1.0, "Largest change; 0.2 is 20 % either way."),
        TransformParam("contrast", "Contrast", 0.2, 0.0, 1.0, "Largest change."),
        TransformParam("saturation", "Saturation", 0.2, 0.0, 1.0, "Largest change."),
        TransformParam("hue", "Hue", 0.0, 0.0, 0.5, "Largest turn of the color circle; 0.5 is half of it."),
    ),
)
PHOTOMETRIC_DISTORTION = TransformSpec(
    "photometric_distortion",
    "Photometric distortion",
    "Changes brightness, contrast, saturation, hue and the order of colors at random (Liu et al. 2016).",
    (_probability(),),
)
GRAYSCALE = TransformSpec("grayscale", "Grayscale", "Takes the colors away.", (_probability(0.1),))
AUTOCONTRAST = TransformSpec(
    "autocontrast", "Autocontrast", "Stretches each color from the darkest to the brightest value.", (_probability(),)
)
EQUALIZE = TransformSpec("equalize", "Equalize", "Spreads brightness evenly over all values.", (_probability(),))
POSTERIZE = TransformSpec(
    "posterize",
    "Posterize",
    "Leaves few shades of each color.",
    (_probability(), TransformParam("bits", "Bits", 4, 1, 8, "Kept of each color; 8 keeps all.", whole=True)),
)
SOLARIZE = TransformSpec(
    "solarize",
    "Solarize",
    "Inverts what is brighter than a threshold.",
    (_probability(0.2), TransformParam("threshold", "Threshold", 0.5, 0.0, 1.0, "0 inverts everything.")),
)

GAUSSIAN_BLUR = TransformSpec(
    "gaussian_blur",
    "Gaussian blur",
    "Makes the image soft, as out of focus.",
    (
        _probability(0.3),
        TransformParam("max_sigma", "Largest sigma", 1.5, 0.1, 5.0, "Standard deviation, in pixels of the input size."),
    ),
    "Quality",
)
GAUSSIAN_NOISE = TransformSpec(
    "gaussian_noise",
    "Gaussian noise",
    "Adds grain, as in the dark.",
    (
        _probability(0.3),
        TransformParam("sigma", "Sigma", 0.05, 0.0, 0.5, "Standard deviation; 1 is from black to white."),
    ),
    "Quality",
)
SHARPNESS = TransformSpec(
    "sharpness",
    "Sharpness",
    "Makes edges harder or softer.",
    (_probability(), TransformParam("factor", "Factor", 2.0, 0.0, 4.0, "1 changes nothing, below is softer.")),
    "Quality",
)
JPEG = TransformSpec(
    "jpeg",
    "JPEG compression",
    "Compresses the image at a random quality, with the traces that leaves.",
    (
        _probability(0.3),
        TransformParam("min_quality", "Lowest quality", 40, 1, 100, "1 is worst.", whole=True),
        TransformParam("max_quality", "Highest quality", 90, 1, 100, "100 is best.", whole=True),
    ),
    "Quality",
    ascending=(("min_quality", "max_quality"),),
)

RANDOM_ERASING = TransformSpec(
    "random_erasing",
    "Random erasing",
    "Covers a random rectangle with grey (Zhong et al. 2017).",
    (
        _probability(0.25),
        TransformParam("min_area", "Smallest area", 0.02, 0.0, 1.0, "As a share of the image."),
        TransformParam("max_area", "Largest area", 0.2, 0.01, 1.0, "As a share of the image."),
    ),
    "Occlusion",
    ascending=(("min_area", "max_area"),),
    last=True,
)

RAND_AUGMENT = TransformSpec(
    "rand_augment",
    "RandAugment",
    "Some random changes of color and geometry, all of one strength (Cubuk et al. 2019).",
    (
        TransformParam("operations", "Changes", 2, 1, 6, "How many, one after the other.", whole=True),
        TransformParam("magnitude", "Strength", 9, 0, 30, "0 changes nothing.", whole=True),
    ),
    "Policy",
    geometry=True,
)
TRIVIAL_AUGMENT = TransformSpec(
    "trivial_augment_wide",
    "TrivialAugment wide",
    "One random change of color or geometry at a random strength (Müller and Hutter 2021).",
    (),
    "Policy",
    geometry=True,
)

POLICIES = (RAND_AUGMENT, TRIVIAL_AUGMENT)
"""Complete recipes, of which a pipeline holds one at most. torchvision applies them to images without objects only."""
FLAT = (
    COLOR_JITTER,
    PHOTOMETRIC_DISTORTION,
    GRAYSCALE,
    AUTOCONTRAST,
    EQUALIZE,
    POSTERIZE,
    SOLARIZE,
    GAUSSIAN_BLUR,
    GAUSSIAN_NOISE,
    SHARPNESS,
    JPEG,
    RANDOM_ERASING,
)
"""What leaves everything in its place."""
MOVING = (HORIZONTAL_FLIP, VERTICAL_FLIP, RANDOM_CROP, ROTATION, AFFINE, PERSPECTIVE, ZOOM_OUT)
"""What moves everything in the image alike."""
TRANSFORMS = (*MOVING, OBJECT_CROP, *FLAT, *POLICIES)
