"""Packing and unpacking of archives, including hostile ones."""

import gzip
import io
import tarfile
from pathlib import Path

import pytest

from sagemaker_local.archives import pack, unpack
from sagemaker_local.errors import FailureReasonError
from sagemaker_local.job_files import JobFiles

URI = "s3://bucket/model.tar.gz"


def member(
    name: str, kind: bytes = tarfile.REGTYPE, target: str = "", content: bytes = b""
) -> tuple[tarfile.TarInfo, bytes]:
    """Returns an archive's member and its content."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, target, len(content)
    return info, content


def link(name: str, target: str) -> tuple[tarfile.TarInfo, bytes]:
    """Returns a member that is a symbolic link."""
    return member(name, tarfile.SYMTYPE, target)


def archive(file: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    """Creates an archive."""
    with tarfile.open(file, "w:gz") as packed:
        for info, content in members:
            packed.addfile(info, io.BytesIO(content))
    return file


def test_unpack(tmp_path: Path) -> None:
    """Files, folders and links within the archive are unpacked; of a file's mode, only the executable bit is kept."""
    script, _ = member("code/run.sh", content=b"#!/bin/sh")
    script.mode = 0o6755
    unpack(
        archive(
            tmp_path / "a.tar.gz",
            member("./code", tarfile.DIRTYPE),
            (script, b"#!/bin/sh"),
            link("blobs/latest", "../code/run.sh"),
            member("same", tarfile.LNKTYPE, "code/run.sh"),
        ),
        tmp_path / "out",
        uri=URI,
    )
    assert (tmp_path / "out/blobs/latest").read_text() == (tmp_path / "out/same").read_text() == "#!/bin/sh"
    assert (tmp_path / "out/code/run.sh").stat().st_mode & 0o7777 == 0o755


LONG = "/".join(["d" * 200] * 15)


@pytest.mark.parametrize(
    "members",
    [
        [member("../out.txt", content=b"x")],
        [member("/evil", content=b"x")],
        [link("a", "/etc"), member("a/evil", content=b"x")],
        [link("a", ".."), member("a/evil", content=b"x")],
        [link("a", "b"), link("b", "..")],
        [member("d", tarfile.DIRTYPE), link("l", "d"), link("m", "l/../..")],
        # CVE-2025-4517: the second link's path is too long to resolve and therefore used unresolved.
        [
            member(LONG, tarfile.DIRTYPE),
            link("escape", f"{LONG}/../../../../{'../' * 16}"),
            member("escape/evil", content=b"x"),
        ],
        [link("a", "../outside.txt"), member("copy", tarfile.LNKTYPE, "a")],
        [member("pipe", tarfile.FIFOTYPE)],
        [member("disk", tarfile.BLKTYPE)],
    ],
)
def test_hostile(tmp_path: Path, members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
    """Members that escape by name or by links, and special files, are rejected, and nothing outside is touched."""
    (tmp_path / "outside.txt").write_text("secret")
    packed = archive(tmp_path / "a.tar.gz", *members)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(FailureReasonError, match=f'Failed to extract archive from URL "{URI}"'):
        unpack(packed, tmp_path / "out", uri=URI)
    outside = [path for path in tmp_path.rglob("*") if not path.is_relative_to(tmp_path / "out")]
    assert sorted(outside) == before
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_symlink() and path.readlink().is_absolute()]


def test_bomb(tmp_path: Path) -> None:
    """An archive of 2 GiB, or a header that would fill the memory, is rejected before it is written."""
    info, _ = member("zeros")
    info.size = 2 << 30
    header = tarfile.TarInfo("pax")
    header.type, header.size = tarfile.XHDTYPE, 1 << 30
    for number, first in enumerate((info, header)):
        with gzip.open(tmp_path / f"{number}.tar.gz", "wb", compresslevel=1) as out:
            out.write(first.tobuf(tarfile.GNU_FORMAT) + bytes(32 << 20))
        with pytest.raises(FailureReasonError, match="bytes"):
            unpack(tmp_path / f"{number}.tar.gz", tmp_path / "out", uri=URI)
    assert sum(file.stat().st_size for file in (tmp_path / "out").rglob("*")) < 1 << 20


def test_pack(tmp_path: Path) -> None:
    """A model is packed with its internal links; a link that points outside is skipped and logged."""
    model = tmp_path / "ml" / "model"
    (model / "blobs").mkdir(parents=True)
    (model / "blobs" / "x").write_text("weights")
    (model / "latest").symlink_to("blobs/x")
    (model / "secret").symlink_to("/etc/passwd")
    logged: list[str] = []
    assert pack(JobFiles(tmp_path / "ml"), "/opt/ml/model", tmp_path / "model.tar.gz", log=logged.append)
    unpack(tmp_path / "model.tar.gz", tmp_path / "out", uri=URI)
    assert (tmp_path / "out" / "latest").read_text() == "weights"
    assert not (tmp_path / "out" / "secret").is_symlink()
    assert logged == ["/opt/ml/model/secret is a symbolic link and not packed"]
