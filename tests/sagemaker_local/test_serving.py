"""The model server's handling of a user's module."""

import io
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from sagemaker_local.serving import formats, toolkits
from sagemaker_local.serving.handler import Handler, load

MODEL_DIR = "/opt/ml/model"


def handler(script: str) -> Handler:
    """Creates the handler of a user's module."""
    module = ModuleType("inference")
    exec(compile(textwrap.dedent(script), "inference.py", "exec"), module.__dict__)  # noqa: S102 - the tests' own scripts
    return Handler(module, MODEL_DIR)


DOUBLE = """
class Double:
    def predict(self, rows):
        return rows * 2
def model_fn(model_dir):
    return Double()
"""


@pytest.fixture
def installed() -> Iterator[None]:
    """Installs the toolkits' stand-ins for one test."""
    before = set(sys.modules)
    toolkits.install()
    yield
    for name in set(sys.modules) - before:
        del sys.modules[name]


@pytest.mark.parametrize(
    ("content", "content_type", "accept", "expected"),
    [
        (b"1,2\n3,4\n", "text/csv", "text/csv", b"2.0,4.0\n6.0,8.0\n"),
        (b"1\n2\n", "text/csv", "text/csv", b"2.0\n4.0\n"),
        (b"1,2\n3,4\n", "text/csv; charset=utf-8", "application/json", b"[[2.0, 4.0], [6.0, 8.0]]"),
        (b"[[1, 2]]", "application/json", "application/json", b"[[2.0, 4.0]]"),
        (b"[[1, 2]]", "application/json", "text/html, text/csv;q=0.5", b"2.0,4.0\n"),
    ],
)
def test_default_functions(content: bytes, content_type: str, accept: str, expected: bytes) -> None:
    """With only a model_fn, CSV and JSON are read as float32 and written in the accepted type."""
    assert handler(DOUBLE)(content, content_type, accept)[0::2] == (expected, 200)


def test_npy() -> None:
    """Numpy's format is read and written, with its own data type."""
    packed = formats.encode(np.array([[1, 2]]), formats.NPY)
    assert isinstance(packed, bytes)
    answer, content_type, status = handler(DOUBLE)(packed, formats.NPY, formats.NPY)
    assert (formats.decode(answer, formats.NPY).tolist(), content_type, status) == ([[2, 4]], formats.NPY, 200)


def test_a_pickle_in_a_request_is_not_loaded(tmp_path: Path) -> None:
    """A pickled array, which would run the client's code, is rejected without running it."""
    ran = tmp_path / "ran"

    class Hostile:
        def __reduce__(self) -> Any:
            return Path.touch, (ran,)

    stream = io.BytesIO()
    np.save(stream, np.array([Hostile()], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="allow_pickle=False"):
        formats.decode(stream.getvalue(), formats.NPY)
    assert not ran.exists()


def test_text_in_csv() -> None:
    """CSV with text stays text."""
    assert formats.decode("1,a\n2,b\n", "text/csv").tolist() == [["1", "a"], ["2", "b"]]


@pytest.mark.parametrize(
    ("content_type", "accept", "status"), [("image/png", "text/csv", 415), ("text/csv", "image/png", 406)]
)
def test_unknown_format(content_type: str, accept: str, status: int) -> None:
    """An unsupported content type is answered with the container's status."""
    answer = handler(DOUBLE)(b"1,2", content_type, accept)
    assert answer[2] == status
    assert b"image/png is not supported" in answer[0]


def test_no_model_fn() -> None:
    """A module without model_fn is rejected: the scikit-learn container has no default."""
    with pytest.raises(NotImplementedError, match="model_fn"):
        handler("")


def test_own_functions() -> None:
    """The user's functions replace the defaults; they get text as text and other content as bytes."""
    answer = handler(
        """
        def model_fn(model_dir): return model_dir
        def input_fn(data, content_type): return [type(data).__name__, content_type]
        def predict_fn(data, model): return [*data, model]
        def output_fn(prediction, accept): return " ".join([*prediction, accept])
        """
    )
    assert answer(b"x", "text/csv", "text/plain")[0] == b"str text/csv /opt/ml/model text/plain"
    assert answer(b"x", "image/png", "text/plain")[0] == b"bytes image/png /opt/ml/model text/plain"


def test_output_fn_returns_a_dictionary() -> None:
    """A dictionary is answered as JSON, as Flask does in the container; what JSON does not know stays an error."""
    script = """
        def model_fn(model_dir): return None
        def input_fn(data, content_type): return data
        def predict_fn(data, model): return {"b": [1, 0.5], "a": object() if data == "odd" else data}
        def output_fn(prediction, accept): return prediction
        """
    answer = handler(script)
    assert answer(b"x", "text/csv", "text/csv") == (b'{"a":"x","b":[1,0.5]}\n', "application/json", 200)
    with pytest.raises(TypeError, match="not JSON serializable"):
        answer(b"odd", "text/csv", "text/csv")


def test_context() -> None:
    """A function with an additional parameter gets the context, unless the parameter has another name and a default."""
    answer = handler(
        """
        def model_fn(model_dir, context): return context.system_properties["model_dir"]
        def input_fn(data, content_type, context): return type(context).__name__
        def predict_fn(data, model, threshold=0.5): return f"{data} {model} {threshold}"
        def output_fn(prediction, accept, context=None): return f"{prediction} {context is not None}"
        """
    )
    assert answer(b"x", "text/csv", "text/csv")[0] == b"SimpleNamespace /opt/ml/model 0.5 True"


def test_transform_fn() -> None:
    """transform_fn replaces the other three functions and cannot be combined with them."""
    transform = (
        "def model_fn(d): return 'm'\ndef transform_fn(model, data, content_type, accept): return model + data, 'x/y'\n"
    )
    assert handler(transform)(b"d", "text/csv", "text/csv") == (b"md", "x/y", 200)
    with pytest.raises(ValueError, match="transform_fn implementation with predict_fn"):
        handler(transform + "def predict_fn(data, model): pass")


@pytest.mark.parametrize(
    "result",
    ["'yes'", "b'yes'", "('yes', accept)", "bytearray(b'yes')", "Flask()", "worker.Response('yes', mimetype=accept)"],
)
@pytest.mark.usefixtures("installed")
def test_result_types(result: str) -> None:
    """A result may be text, bytes, a tuple with the type, Flask's Response or the old toolkit's Response."""
    answer = handler(
        f"""
        from sagemaker_containers.beta.framework import content_types, encoders, env, modules, transformer, worker
        class Flask:
            mimetype, status_code = "text/csv", 200
            def get_data(self): return b"yes"
        def model_fn(model_dir): return None
        def predict_fn(data, model): return data
        def output_fn(prediction, accept): return {result}
        """
    )
    assert answer(b"1", "text/csv", "text/csv") == (b"yes", "text/csv", 200)


def test_no_result() -> None:
    """A function that returns nothing fails with a message of what it must return."""
    answer = handler("def model_fn(d): return 1\ndef predict_fn(d, m): return d\ndef output_fn(p, a): pass")
    with pytest.raises(TypeError, match="output_fn returned a NoneType; expected text or bytes"):
        answer(b"1", "text/csv", "text/csv")


@pytest.mark.parametrize(
    ("folder", "environment"),
    [
        ("code", {}),
        ("code", {"SAGEMAKER_SUBMIT_DIRECTORY": "s3://bucket/source.tar.gz"}),
        ("model/code", {}),
        ("model/code", {"SAGEMAKER_SUBMIT_DIRECTORY": "{base}/model/code"}),
        ("elsewhere", {"SAGEMAKER_SUBMIT_DIRECTORY": "file://{base}/elsewhere"}),
    ],
)
@pytest.mark.parametrize("program", ["serve.py", "serve", "src/serve.py"])
def test_code_folders(tmp_path: Path, folder: str, environment: dict[str, str], program: str) -> None:
    """The program is found where SageMaker's containers search, and imports its neighbours; numpy is not needed."""
    name = program if program.endswith(".py") else f"{program}.py"
    file = tmp_path / folder / name
    file.parent.mkdir(parents=True)
    file.write_text("import helper\ndef model_fn(d): return helper.NAME\ndef transform_fn(m, *_): return m\n")
    (tmp_path / folder / "helper.py").write_text("NAME = 'found'")
    variables = {name: value.format(base=tmp_path) for name, value in environment.items()}
    variables |= {"SAGEMAKER_BASE_DIR": str(tmp_path), "SAGEMAKER_PROGRAM": program}
    script = f"""
import sys
from sagemaker_local.serving.handler import load
print(load({variables!r})(b"", "text/csv", "text/csv")[0].decode(), "numpy" in sys.modules)
"""
    project = Path(formats.__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", script], cwd=project, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("found False\n", "")


def test_missing_module(tmp_path: Path) -> None:
    """A missing program is named, with the folders searched."""
    with pytest.raises(FileNotFoundError, match=rf"serve\.py \(SAGEMAKER_PROGRAM\) is in none of {tmp_path}/code"):
        load({"SAGEMAKER_PROGRAM": "serve.py", "SAGEMAKER_BASE_DIR": str(tmp_path)})


@pytest.mark.usefixtures("installed")
def test_newer_toolkit() -> None:
    """The inference toolkit's names work without it being installed."""
    answer = handler(
        """
        from sagemaker_inference import content_types, decoder, encoder, errors
        def model_fn(model_dir): return None
        def input_fn(data, content_type): return decoder.decode(data, content_type)
        def predict_fn(data, model): return data
        def output_fn(prediction, accept): return encoder.encode(prediction, content_types.JSON)
        """
    )
    assert answer(b"1,2\n3,4", "text/csv", "text/csv")[0] == b"[[1.0, 2.0], [3.0, 4.0]]"


@pytest.mark.usefixtures("installed")
def test_stand_ins_are_complete() -> None:
    """The modules of both toolkits' stand-ins are installed under their full names."""
    names: list[Any] = [
        name for name in sys.modules if name.startswith(("sagemaker_containers", "sagemaker_inference"))
    ]
    assert "sagemaker_containers.beta.framework.encoders" in names
    assert "sagemaker_inference.decoder" in names
