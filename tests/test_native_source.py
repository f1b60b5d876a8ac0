"""Messages count bytes of what was really read, and a bad medium is damage like any other."""

import gzip
import io
import struct

import pytest

from packetids.core.errors import PacketidsError
from packetids.native.capture import frames

HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
RECORD = struct.pack("<IIII", 1, 2, 60, 60) + b"\xff" * 60
CAPTURE = HEADER + 3 * RECORD


def error_of(capture) -> str:
    with pytest.raises(PacketidsError) as caught:
        for _ in frames.read(capture):
            pass
    return str(caught.value)


@pytest.mark.parametrize("content", [CAPTURE[:-1], HEADER + RECORD.replace(b"<\0", b"\xff\xff")])
def test_octets_are_of_the_file_the_stream_or_the_unpacked_capture(tmp_path, content):
    path = tmp_path / "a.pcap"
    path.write_bytes(content)
    assert "of the file" in error_of(path) and "unpacked" not in error_of(path)
    assert "of the stream" in error_of(io.BytesIO(content))
    path.write_bytes(gzip.compress(content))
    assert "of the unpacked capture" in error_of(path)
    assert "of the unpacked capture" in error_of(io.BytesIO(gzip.compress(content)))


class Bad(io.RawIOBase):
    """A medium that cannot be read beyond some bytes."""

    name = "disk"

    def __init__(self, content: bytes, piece: int) -> None:
        self._content, self._piece, self._at = content, piece, 0

    def readable(self) -> bool:
        return True

    def readinto(self, target) -> int:
        some = self._content[self._at : self._at + min(self._piece, len(target))]
        if not some:
            raise OSError(5, "Input/output error")
        target[: len(some)] = some
        self._at += len(some)
        return len(some)


@pytest.mark.parametrize("piece", [1, 7, 24, 10**6])
@pytest.mark.parametrize("end", [0, 3, 24, 24 + 76, 24 + 2 * 76 + 30, len(CAPTURE)])
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_what_comes_before_a_bad_sector_is_given(end, piece, pack):
    content = pack(CAPTURE)
    content = (
        content[: len(content) * end // len(CAPTURE)] if pack is gzip.compress else CAPTURE[:end]
    )
    found = []
    with pytest.raises(PacketidsError, match="disk: .*Input/output error") as caught:
        for run in frames.read(Bad(content, piece)):  # type: ignore[arg-type]
            found += list(run.captured_octets)

    if pack is bytes:
        assert found == [60] * max((end - 24) // 76, 0)
    assert "Traceback" not in str(caught.value)
