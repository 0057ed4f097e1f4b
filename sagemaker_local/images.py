"""The container images that jobs can run in on this machine: the packages of each, and its own programs.

An image is identified by its repository and tag, whatever the account and region. :data:`KNOWN` has AWS's own images; a
user's ``images.yaml`` adds others. To add one of AWS's, write an entry here with its source and list its packages in
``image_locks/NAME.in``, which ``make lock`` resolves. Where the image's version of a package has no wheel for a newer
Python, the ``.in`` file names the nearest version that has one.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_LOCKS = Path(__file__).with_name("image_locks")
_ALGORITHMS = Path(__file__).with_name("algorithms") / "__main__.py"
OWN = "images.yaml"
"""The source of an image that a user has described."""
_TAG_SUFFIX = re.compile(r"-(cpu|gpu)-py3\d*$")


class ImageError(Exception):
    """An image that this machine does not know, or an ``images.yaml`` that cannot be read."""


@dataclass(frozen=True, kw_only=True)
class Image:
    """What an image holds, as far as a job can tell."""

    name: str
    """``repository:tag``, without the registry."""
    python: str | None = None
    """Its Python, such as ``3.9``; None: whichever there is."""
    packages: Mapping[str, str] = field(default_factory=dict)
    """The versions that its users rely on."""
    requirements: str
    """What to install, in pip's format: a complete lock with hashes, or a user's own list."""
    locked: bool = False
    """Whether ``requirements`` is a complete lock."""
    imports: tuple[str, ...] = ()
    """Modules to compile when the environment is made, so that no job has to."""
    train: tuple[str, ...] = ()
    """The program that trains where a request names none, with its arguments."""
    serve: tuple[str, ...] = ()
    """The program that serves on port 8080 where the image has a server of its own, with its arguments."""
    folder: Path | None = None
    """The folder that these programs see as ``mounts.PROGRAM``."""
    algorithm: tuple[str, ...] = ()
    """The program and name of the built-in algorithm that our model server serves without a script of the user's."""
    source: str = ""
    """Where the versions are published."""


@dataclass(frozen=True, kw_only=True)
class _Known:
    repository: str
    tags: tuple[str, ...]
    python: str
    packages: Mapping[str, str]
    imports: tuple[str, ...]
    source: str
    lock: str
    algorithm: str = ""


_SKLEARN_IMPORTS = (
    "boto3",
    "joblib",
    "numpy",
    "pandas",
    "pyarrow.parquet",
    "requests",
    "scipy.stats",
    "sklearn.compose",
    "sklearn.ensemble",
    "sklearn.inspection",
    "sklearn.linear_model",
    "sklearn.metrics",
    "sklearn.model_selection",
    "sklearn.pipeline",
    "sklearn.preprocessing",
)
_SKLEARN = "https://github.com/aws/sagemaker-scikit-learn-container"

_XGBOOST_IMPORTS = ("numpy", "pandas", "scipy.sparse", "sklearn.metrics", "xgboost")
_XGBOOST = "https://github.com/aws/sagemaker-xgboost-container"

KNOWN = (
    _Known(
        repository="sagemaker-scikit-learn",
        tags=("1.2-1",),
        python="3.9",
        packages={"scikit-learn": "1.2.1", "numpy": "1.24.1", "pandas": "1.1.3", "scipy": "1.8.0", "pyarrow": "14.0.1"},
        imports=_SKLEARN_IMPORTS,
        source=f"{_SKLEARN} (docker/1.2-1, requirements.txt)",
        lock="sagemaker-scikit-learn-1.2-1",
    ),
    _Known(
        repository="sagemaker-scikit-learn",
        tags=("1.4-2",),
        python="3.10",
        packages={"scikit-learn": "1.4.2", "numpy": "2.1.0", "pandas": "2.2.3", "pyarrow": "17.0.0"},
        imports=_SKLEARN_IMPORTS,
        source=f"{_SKLEARN} (docker/1.4-2; pull/272 for pandas)",
        lock="sagemaker-scikit-learn-1.4-2",
    ),
    *(
        _Known(
            repository="sagemaker-xgboost",
            tags=(tag,),
            python=python,
            packages={"xgboost": version},
            imports=_XGBOOST_IMPORTS,
            source=f"{_XGBOOST} (docker/{tag})",
            lock=f"sagemaker-xgboost-{tag}",
            algorithm="xgboost",
        )
        for tag, python, version in (("1.5-1", "3.8", "1.5.2"), ("1.7-1", "3.8", "1.7.4"), ("3.0-5", "3.10", "3.0.5"))
    ),
)


class Images:
    """Finds images by their address.

    Args:
        own: gives a user's images by ``repository:tag``, or ``repository`` for any tag; see ``own_images``.
    """

    def __init__(self, own: Callable[[], Mapping[str, Image]] = dict) -> None:
        self._own = own

    def find(self, uri: str) -> Image:
        """The image at an address.

        Args:
            uri: as a request names it, such as ``683313688378.dkr.ecr.us-east-1.amazonaws.com/repository:tag``.

        Raises:
            ImageError: it is not known; the message says how to name it.
        """
        name = uri.rpartition("/")[2].partition("@")[0]
        repository, _, tag = name.partition(":")
        own = self._own()
        for key in (uri, name, repository):
            if key in own:
                return own[key]
        tag = _TAG_SUFFIX.sub("", tag)
        for known in KNOWN:
            if known.repository == repository and tag in known.tags:
                return _image(known, tag)
        tags = sorted({f"{known.repository}:{tag}" for known in KNOWN for tag in known.tags})
        raise ImageError(
            f"{uri!r} is not an image that this machine knows ({', '.join(tags)}). "
            f"Name its packages in images.yaml: {{{name}: {{packages: [pandas]}}}}; and its programs, if it trains or "
            "serves by itself: folder, train and serve"
        )


def own_images(content: Any, base: Path = Path()) -> dict[str, Image]:
    """The images of an ``images.yaml``.

    Args:
        content: ``{name: {packages: [...], python: "3.11", folder: path, train: [...], serve: [...]}}``.
        base: the folder that ``folder`` starts from.

    Raises:
        ImageError: something in it is not as it must be; the message names the key.
    """
    if not isinstance(content, dict):
        raise ImageError(f"must map names of images to their packages; it is {content!r}")
    return {name: _own_image(str(name), given, base) for name, given in content.items()}


_LISTS = ("packages", "train", "serve")
_OTHERS = ("python", "folder")


def _own_image(name: str, given: Any, base: Path) -> Image:
    if not isinstance(given, dict):
        raise ImageError(f"{name} must have packages, and may have python, folder, train and serve; it is {given!r}")
    for key, value in given.items():
        if key not in (*_OTHERS, *_LISTS):
            raise ImageError(f"{name}.{key} is not known; allowed are {', '.join((*_LISTS, *_OTHERS))}")
        if key in _LISTS and not (isinstance(value, list) and all(isinstance(item, str) for item in value)):
            raise ImageError(f"{name}.{key} must be a list of strings; it is {value!r}")
        if key == "python" and not re.fullmatch(r"3\.\d+", str(value)):
            raise ImageError(f'{name}.python must be a version such as "3.11"; it is {value!r}')
        if key == "folder" and not (isinstance(value, str) and (base / value).is_dir()):
            raise ImageError(f"{name}.folder must be a folder next to this file; it is {value!r}")
    return Image(
        name=name,
        python=str(given["python"]) if "python" in given else None,
        requirements="".join(f"{package}\n" for package in given.get("packages", [])),
        train=tuple(given.get("train", ())),
        serve=tuple(given.get("serve", ())),
        folder=(base / given["folder"]).resolve() if "folder" in given else None,
        source=OWN,
    )


def _image(known: _Known, tag: str) -> Image:
    return Image(
        name=f"{known.repository}:{tag}",
        python=known.python,
        packages=known.packages,
        requirements=(_LOCKS / f"{known.lock}.txt").read_text(),
        locked=True,
        imports=known.imports,
        train=("python3", str(_ALGORITHMS), known.algorithm, "train") if known.algorithm else (),
        algorithm=(str(_ALGORITHMS), known.algorithm) if known.algorithm else (),
        source=known.source,
    )
