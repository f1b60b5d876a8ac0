"""The capture that benchmarks read is real for TShark, and its repeats are other conversations."""

import pyarrow as pa
import pyarrow.compute as pc

from benchmarks import large_capture
from packetids.extract import tshark
from tests.conftest import needs_tshark


@needs_tshark
def test_repeats_are_later_and_hold_other_conversations(tiny_pcaps, tmp_path):
    once = large_capture.Repeats(tiny_pcaps)
    octets = 3 * once.octets

    large, parts, packets = large_capture.make(tiny_pcaps, tmp_path, octets, files=4)

    assert packets == 3 * once.packets
    rows = pa.Table.from_batches(tshark.read(large, ""))
    split = [pa.Table.from_batches(tshark.read(part, "")) for part in parts]
    repeats = [rows.slice(i * once.packets, once.packets) for i in range(3)]
    assert rows.num_rows == packets
    assert [part.num_rows for part in split] == [packets // 4] * 4
    for name in ("frame.time_epoch", "ip.src", "udp.srcport", "tcp.checksum"):
        assert pa.concat_tables(split)[name].to_pylist() == rows[name].to_pylist()
    for first, second in zip(repeats, repeats[1:], strict=False):
        times = [pc.min_max(part["frame.time_epoch"]) for part in (first, second)]
        assert times[0]["max"].as_py() < times[1]["min"].as_py()
        assert first["frame.len"].to_pylist() == second["frame.len"].to_pylist()
        for protocol, name in (("6", "tcp.stream"), ("17", "udp.stream")):
            streams = [
                set(part.filter(pc.field("ip.proto") == protocol)[name].to_pylist())
                for part in (first, second)
            ]
            assert streams[0].isdisjoint(streams[1])
            assert len(streams[0]) == len(streams[1]) > 10
