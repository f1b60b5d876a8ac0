"""The testbed records what it says and leaves nothing behind; the embedded captures are whole.

The first half reads the committed captures and runs anywhere. The second half records anew, so it
needs Linux, root and the tools of `testbed.__main__.PACKAGES`, and takes about a minute.
"""

import hashlib
import ipaddress
import json
import lzma
import os
import random
import re
import shutil
import signal
import struct
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from testbed import __main__ as command_line
from testbed import (
    attacks,
    errors,
    hosts,
    links,
    network,
    orders,
    pcap,
    places,
    recorder,
    schedule,
    tiny,
)

ROOT = Path(__file__).resolve().parents[1]
CAPTURES = ROOT / "captures"
BOTS = {f"192.168.100.{last}" for last in (147, 148, 149, 150)}
NAME = re.compile(r"(IoT_Dataset_\w+|IoT_Keylogging)__(\d{5})_(\d{14})\.pcap")
PREFIXES = {  # folder below PCAPs/ -> beginning of the name, as BoT-IoT has them
    "DDoS/DDoS_HTTP": "IoT_Dataset_HTTP_DDoS",
    "DDoS/DDoS_TCP": "IoT_Dataset_TCP_DDoS",
    "DDoS/DDoS_UDP": "IoT_Dataset_UDP_DDoS",
    "DoS/DoS_HTTP": "IoT_Dataset_HTTP_DoS",
    "DoS/DoS_TCP": "IoT_Dataset_TCP_DoS",
    "DoS/DoS_UDP": "IoT_Dataset_UDP_DoS",
    "Scan/OS": "IoT_Dataset_OSScan",
    "Scan/Service": "IoT_Dataset_ServiceScan",
    "Theft/Data_Exfiltration": "IoT_Dataset_data_theft",
    "Theft/Keylogging": "IoT_Keylogging",
}


@pytest.mark.parametrize("option", [("--rounds", "0"), ("--scale", "-1"), ("--scale", "nan")])
def test_a_recording_of_nothing_is_refused_before_the_old_one_goes(tmp_path, option):
    (tmp_path / "old.pcap").touch()
    command = [sys.executable, "-m", "testbed", "record", "--out", str(tmp_path), *option]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 2 and f"{option[0]} needs" in done.stderr
    assert (tmp_path / "old.pcap").exists()


# --- the committed captures: anywhere -------------------------------------------------------


def frames(data: bytes) -> Iterator[bytes]:
    """Walk a little-endian microsecond pcap; slow twin of `testbed.pcap`."""
    assert data[:4] == b"\xd4\xc3\xb2\xa1"
    assert struct.unpack_from("<I", data, 20) == (1,), "not Ethernet"
    at = 24
    while at < len(data):
        kept, sent = struct.unpack_from("<II", data, at + 8)
        assert kept == sent, "a frame was cut off"
        yield data[at + 16 : at + 16 + kept]
        at += 16 + kept
    assert at == len(data)


def addresses(frame: bytes) -> list[str]:
    """Give the outer IPv4, ARP or IPv6 addresses of a frame."""
    places = {b"\x08\x00": (26, 30), b"\x08\x06": (28, 38)}.get(frame[12:14])
    if places:
        return [str(ipaddress.IPv4Address(frame[at : at + 4])) for at in places]
    if frame[12:14] == b"\x86\xdd":
        return [str(ipaddress.IPv6Address(frame[at : at + 16])) for at in (22, 38)]
    return []


def manifest(folder: Path) -> dict[str, Any]:
    """Read a manifest."""
    loaded: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    return loaded


@pytest.fixture(scope="module", params=["testbed", "novel", "tiny"])
def committed(request: pytest.FixtureRequest) -> tuple[Path, dict[str, Any], dict[str, bytes]]:
    """Return a committed dataset: its folder, its manifest, and each capture uncompressed."""
    folder = CAPTURES / request.param
    made = manifest(folder)
    captures = {
        entry["path"]: lzma.decompress((folder / (entry["path"] + ".xz")).read_bytes())
        for entry in made["captures"]
    }
    return folder, made, captures


Committed = tuple[Path, dict[str, Any], dict[str, bytes]]


def test_manifest_and_folder_name_the_same_captures(committed: Committed) -> None:
    folder, made, _ = committed
    there = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.pcap.xz"))

    assert there == sorted(entry["path"] + ".xz" for entry in made["captures"])


def test_every_capture_is_what_the_manifest_says(committed: Committed) -> None:
    folder, made, captures = committed
    for entry in made["captures"]:
        packed = (folder / (entry["path"] + ".xz")).read_bytes()
        data = captures[entry["path"]]
        read = list(frames(data))
        bots = sum(not BOTS.isdisjoint(addresses(frame)) for frame in read)
        padded = sum(is_padded(frame) for frame in read)

        assert hashlib.sha256(packed).hexdigest() == entry["xz_sha256"], entry["path"]
        assert hashlib.sha256(data).hexdigest() == entry["sha256"], entry["path"]
        assert (len(read), bots) == (entry["packets"], entry["bot_packets"]), entry["path"]
        assert padded == entry["frames_padded"], entry["path"]
        assert min(map(len, read)) >= 60, entry["path"]
        assert entry["dropped_packets"] <= 0.001 * entry["packets"], entry["path"]


def is_padded(frame: bytes) -> bool:
    """Slow twin of `pcap.is_padded`: what the headers announce ends before byte 60."""
    if frame[12:14] == b"\x08\x06":
        ends = 14 + 28
    elif frame[12:14] == b"\x08\x00":
        ends = 14 + struct.unpack_from(">H", frame, 16)[0]
    elif frame[12:14] == b"\x86\xdd":
        ends = 14 + 40 + struct.unpack_from(">H", frame, 18)[0]
    else:
        return False
    return len(frame) == 60 and ends < 60


ROUNDS = {
    "testbed": {str(n) for n in range(1, 9)}, "novel": {schedule.NOVEL}, "tiny": set(tiny.ROUNDS),
}  # fmt: skip


def test_captures_of_every_subcategory_and_round_lie_and_are_named_as_in_bot_iot(
    committed: Committed,
) -> None:
    dataset, made, _ = committed
    rounds: Counter[tuple[str, str]] = Counter()
    for entry in made["captures"]:
        top, *folder, round_, name = Path(entry["path"]).parts
        match = NAME.fullmatch(name)

        assert top == "PCAPs" and entry["round"] == round_
        assert match is not None and match[1] == PREFIXES["/".join(folder)], entry["path"]
        rounds["/".join(folder), round_] += 1

    assert set(rounds) == {(folder, n) for folder in PREFIXES for n in ROUNDS[dataset.name]}


def test_every_capture_holds_attack_and_normal_packets_of_whole_frames(
    committed: Committed,
) -> None:
    _, made, captures = committed
    for entry in made["captures"]:
        assert 0 < entry["bot_packets"] < entry["packets"], entry["path"]
        assert max(map(len, frames(captures[entry["path"]]))) <= 1514, entry["path"]


def test_no_packet_leaves_the_testbed(committed: Committed) -> None:
    """Only the testbed's own addresses, multicast, and what hosts use before they have one."""
    _, _, captures = committed
    home = (ipaddress.ip_network("192.168.100.0/24"), ipaddress.ip_network("fd00:100::/64"))
    seen = {address for data in captures.values() for frame in frames(data)
            for address in addresses(frame)}  # fmt: skip

    for address in map(ipaddress.ip_address, seen):
        allowed = address.is_multicast or address.is_link_local or address.is_unspecified
        assert allowed or any(address in network for network in home), address


def test_nothing_of_the_recording_machine_is_in_the_captures(committed: Committed) -> None:
    _, made, captures = committed
    told = json.dumps(made)
    checkout = (f"/{ROOT.parts[1]}/", "testbed/", "packetids")  # here, and any by what is in it
    for word in ("/root/", "/home/", "/tmp/", "site-packages", *checkout):
        assert word not in told, word
        for path, data in captures.items():
            assert word.encode() not in data, (word, path)


def test_rounds_follow_each_other_and_differ_in_commands() -> None:
    """So that captures can be split by file: a round is over before the next begins."""
    captures = manifest(CAPTURES / "testbed")["captures"]
    for n in range(1, 8):
        ends = max(entry["last_time_us"] for entry in captures if entry["round"] == f"{n}")
        begins = min(entry["first_time_us"] for entry in captures if entry["round"] == f"{n + 1}")

        assert ends < begins

    for key in places.PLACES:
        commands = [tuple(e["commands"]) for e in captures if e["subcategory"] == key]
        assert len(set(commands)) >= 8, key


def test_every_kind_of_attack_occurs_in_three_rounds_and_novel_ones_in_none() -> None:
    found: dict[tuple[str, str], set[str]] = {}
    for entry in manifest(CAPTURES / "testbed")["captures"]:
        for kind in entry["kinds"]:
            found.setdefault((entry["subcategory"], kind), set()).add(entry["round"])
    novel = {
        (entry["subcategory"], kind)
        for entry in manifest(CAPTURES / "novel")["captures"]
        for kind in entry["kinds"]
    }

    assert {key for key, _ in found} == set(places.PLACES)
    assert min(map(len, found.values())) >= 3, found
    assert {key for key, _ in novel} == set(places.PLACES)
    assert not novel & set(found)


def test_embedded_recording_has_the_size_it_should() -> None:
    made = manifest(CAPTURES / "testbed")
    bots: Counter[str] = Counter()
    for entry in made["captures"]:
        bots[entry["subcategory"]] += entry["bot_packets"]
    packets = sum(entry["packets"] for entry in made["captures"])
    packed = [path.stat().st_size for path in CAPTURES.rglob("*.xz")]

    assert 900_000 <= packets <= 2_000_000
    assert min(bots.values()) >= 5_000, bots
    assert packets - sum(bots.values()) >= 300_000, "normal packets"
    assert max(packed) < 10_000_000
    assert sum(packed) < 28_000_000


def test_tiny_is_small_and_is_cut_out_of_the_embedded_recording() -> None:
    folder = CAPTURES / "tiny"

    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) < 500_000
    for packed in folder.rglob("*.pcap.xz"):
        window = lzma.decompress(packed.read_bytes())[24:]
        whole = lzma.decompress((CAPTURES / "testbed" / packed.relative_to(folder)).read_bytes())
        assert window in whole, packed.name


def test_tiny_holds_every_kind_of_packet_the_dissector_must_read() -> None:
    found: Counter[str] = Counter()
    for packed in (CAPTURES / "tiny").rglob("*.pcap.xz"):
        handshakes: set[tuple[bytes, bytes]] = set()
        for frame in frames(lzma.decompress(packed.read_bytes())):
            found[{b"\x08\x06": "ARP", b"\x86\xdd": "IPv6"}.get(frame[12:14], "IPv4")] += 1
            if frame[12:14] != b"\x08\x00":
                continue
            at = 14 + 4 * (frame[14] & 15)
            ports = struct.unpack_from(">HH", frame, at)
            if frame[23] == 1 and frame[at : at + 2] == b"\x03\x03" and frame[at + 17] == 17:
                found["UDP in ICMP"] += 1
            if frame[23] == 17 and 53 in ports:
                found["DNS"] += 1
            if frame[23] == 6:
                found["MQTT"] += 1883 in ports
                pair = frame[26:30] + frame[at : at + 2], frame[30:34] + frame[at + 2 : at + 4]
                if frame[at + 13] & 0x12 == 0x12:
                    handshakes.add(pair)
                elif frame[at + 13] & 0x17 == 0x10 and pair[::-1] in handshakes:
                    found["handshake"] += 1

    for kind in ("ARP", "IPv4", "IPv6", "UDP in ICMP", "DNS", "MQTT", "handshake"):
        assert found[kind] > 0, (kind, found)


# --- the door: anywhere ---------------------------------------------------------------------


def test_a_user_who_is_not_root_is_told_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    with pytest.raises(errors.TestbedError, match="Linux and root"):
        command_line.check(["DoS_TCP"], tmp_path / "out")


def test_missing_tools_are_named_with_what_installs_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    absent = {"nmap", "dumpcap"}
    monkeypatch.setattr(
        shutil, "which", lambda tool, path=None: None if tool in absent else f"/usr/bin/{tool}"
    )

    with pytest.raises(
        errors.TestbedError, match=r"missing: dumpcap, nmap\. apt-get install nmap tshark"
    ):
        command_line.check(["DoS_TCP"], tmp_path / "out")


def test_an_unknown_subcategory_is_refused_with_the_known_ones(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(shutil, "which", lambda tool, path=None: tool)

    with pytest.raises(
        errors.TestbedError, match="DDoS_ICMP is no subcategory; there is .*DDoS_TCP"
    ):
        command_line.check(["DDoS_ICMP"], tmp_path / "out")


def test_drops_are_read_and_too_many_stop_the_recording() -> None:
    said = "Packets received/dropped on interface 'mirror': {}/{} (pcap:0/dumpcap:0/flushed:0)"

    assert recorder.dropped_packets(said.format(100_000, 9), "DoS_TCP") == 9
    with pytest.raises(errors.TestbedError, match="dropped 200 packets"):
        recorder.dropped_packets(said.format(100_000, 200), "DoS_TCP")
    with pytest.raises(errors.TestbedError, match="did not say"):
        recorder.dropped_packets("", "DoS_TCP")


def test_a_packet_is_a_bots_by_its_outer_address_only() -> None:
    """An ICMP error embeds a bot's header and goes to the bot; IPv6 has no bot address."""
    bots = {bytes((192, 168, 100, 150))}
    ipv4 = bytes(12) + b"\x08\x00" + bytes(12) + bytes((192, 168, 100, 3)) + bytes(4)
    arp = bytes(12) + b"\x08\x06" + bytes(14) + bytes((192, 168, 100, 3)) + bytes(6)
    bot = bytes((192, 168, 100, 150))

    def owned(octets: bytes) -> bool:
        return pcap.is_bots(pcap.Packet(0, 0, 0, octets), bots)

    assert not owned(ipv4 + bot)
    assert owned(ipv4[:-4] + bot)
    assert owned(arp + bot)
    assert not owned(bytes(12) + b"\x86\xdd" + bytes(12) + bot)


@pytest.mark.parametrize("folder", ["", "PCAPs"])
def test_a_folder_that_holds_no_recording_is_not_replaced(tmp_path: Path, folder: str) -> None:
    mine = tmp_path / "out" / folder / "thesis.txt"
    mine.parent.mkdir(parents=True)
    mine.write_text("years of work")

    with pytest.raises(errors.TestbedError, match="holds no manifest.json"):
        with command_line._replacing(tmp_path / "out"):
            pass

    assert mine.read_text() == "years of work"


def test_a_failed_recording_leaves_the_earlier_one_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "out"
    with command_line._replacing(target) as folder:
        (folder / "manifest.json").write_text("{}")
    with pytest.raises(RuntimeError):
        with command_line._replacing(target) as folder:
            (folder / "half.pcap").write_bytes(b"")
            raise RuntimeError

    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert [path.name for path in target.iterdir()] == ["manifest.json"]


def test_tiny_window_is_the_first_that_is_half_attack() -> None:
    n = tiny.WINDOW_PACKETS
    attack = [False] * 500 + [True] * 500

    assert tiny._window(attack) == slice(500 - n // 2, 500 + n // 2)


# --- the schedule: anywhere -----------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("subcategory", places.PLACES)
def test_eight_rounds_have_every_kind_three_times(subcategory: str, seed: int) -> None:
    dealt = schedule.deal(subcategory, 8, seed)
    times = Counter(kind for hand in dealt for kind in hand)

    assert set(times) == set(attacks.ATTACKS[subcategory].KINDS)
    assert min(times.values()) >= 3
    assert all(len(set(hand)) == schedule.EPISODES for hand in dealt)


@pytest.mark.parametrize("subcategory", places.PLACES)
def test_every_kind_gives_bounded_commands_between_the_testbeds_own_addresses(
    subcategory: str,
) -> None:
    module = attacks.ATTACKS[subcategory]
    fewest, most = module.SUBCATEGORIES[subcategory]
    assert not set(module.KINDS) & set(module.NOVEL)
    for round_name, kinds in (("1", list(module.KINDS)), (schedule.NOVEL, list(module.NOVEL))):
        for seed in range(3):
            made = schedule.episodes(subcategory, round_name, kinds, 1.0, seed, "SCRATCH")
            for episode in made:
                bots = {
                    host.address
                    for host in hosts.BOTS
                    for order in episode.orders
                    if order.host == host or host.address in " ".join(order.command)
                }
                assert fewest <= len(bots) <= most, (subcategory, episode.kind)
                for order in episode.orders:
                    assert order.timeout_s <= 12
                    text = " ".join(order.command)
                    for address in re.findall(r"\d+\.\d+\.\d+\.\d+", text):
                        assert address in {host.address for host in hosts.HOSTS}, text
                    if order.command[0] == "hping3" and "--scan" not in order.command:
                        assert "-c" in order.command, text


def test_the_attack_that_the_readme_adds_is_one_that_the_schedule_can_draw() -> None:
    readme = (CAPTURES / "README.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    module: dict[str, Any] = {}
    exec(code, module)
    drawn = orders.Draw(random.Random(0), hosts.BOTS[:2], 1000, "SCRATCH")
    (kind,) = module["KINDS"].values()

    assert {order.host for order in kind(drawn)} == set(hosts.BOTS[:2])
    assert all("500" in order.command for order in kind(drawn)), "half of the packets each"
    assert set(module["SUBCATEGORIES"]) == {"DoS_ICMP", "DDoS_ICMP"} and module["NOVEL"] == {}


def test_the_same_seed_gives_the_same_commands_and_links() -> None:
    def commands(seed: int) -> list[list[str]]:
        made = schedule.episodes("DDoS_TCP", "1", ["syn", "push"], 1.0, seed, "SCRATCH")
        return [order.command for episode in made for order in episode.orders]

    assert commands(1) == commands(1) != commands(2)
    assert links.draw(1, "1") == links.draw(1, "1") != links.draw(1, "2")


def test_delays_of_links_give_round_trips_from_one_to_eighty_milliseconds() -> None:
    drawn = [link for n in range(8) for link in links.draw(0, f"{n}").values()]
    delays_ms = [1e3 * link.delay_s for link in drawn]

    assert min(delays_ms) >= 0.5 and max(delays_ms) <= 40
    assert max(delays_ms) > 20 and min(delays_ms) < 1.5
    assert {host.stack.ttl for host in hosts.HOSTS} == {64, 128, 255}


# --- real recordings: Linux, root, tools ----------------------------------------------------


def _cannot_record() -> str:
    if sys.platform != "linux" or os.geteuid() != 0:
        return "network namespaces need Linux and root"
    if not Path("/dev/net/tun").exists():
        return "the switch needs /dev/net/tun"
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    needed = [*command_line.PACKAGES, "tshark"]
    missing = [tool for tool in needed if shutil.which(tool, path=path) is None]
    return f"missing: {', '.join(missing)}" if missing else ""


real = pytest.mark.skipif(bool(_cannot_record()), reason=_cannot_record() or "can record")


def start(out: Path, *options: str) -> "subprocess.Popen[str]":
    """Start a recording as a person would."""
    command = [sys.executable, "-m", "testbed", "record", "--out", str(out), *options]
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        # A terminal's job can be interrupted; what a shell starts with & ignores that, and so do
        # its children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip


def inhabitants() -> dict[int, bytes]:
    """List the processes in the testbed's namespaces, with their command lines."""
    found = {}
    for namespace in network.namespaces():
        said = subprocess.run(["ip", "netns", "pids", namespace], capture_output=True, text=True)
        for pid in map(int, said.stdout.split()):
            found[pid] = _command_line(pid)
    return found


def _command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def until_recording(process: "subprocess.Popen[str]", out: Path) -> None:
    """Wait until dumpcap writes a capture that was not there before."""
    captures = ".recording-*/new/PCAPs/**/*.pcap"
    known = set(out.parent.glob(captures))
    deadline = time.monotonic() + 60
    while not set(out.parent.glob(captures)) - known:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "no capture file after a minute"
        time.sleep(0.1)


def assert_nothing_left(earlier: dict[int, bytes], folder: Path) -> None:
    """No namespace, process, or file of a recording in `folder` is left."""
    assert network.namespaces() == []
    assert [line for pid, line in earlier.items() if line and _command_line(pid) == line] == []
    assert list(folder.iterdir()) == []
    assert list(network.ETC.glob(f"{hosts.PREFIX}*")) == []


def tshark(path: Path, *options: str) -> list[str]:
    """Read a capture with TShark, every checksum verified."""
    checks = [part for protocol in ("ip", "tcp", "udp")
              for part in ("-o", f"{protocol}.check_checksum:TRUE")]  # fmt: skip
    said = subprocess.run(
        ["tshark", "-n", "-r", str(path), *checks, *options],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return said.stdout.splitlines()


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Record two subcategories, a twentieth of the packets, and unpack them."""
    out = tmp_path_factory.mktemp("recorded") / "out"
    process = start(out, "--rounds", "1", "--scale", "0.05", "--only", "DDoS_TCP,Keylogging")
    said, complained = process.communicate(timeout=120)
    assert process.returncode == 0, complained
    for packed in out.rglob("*.xz"):
        packed.with_suffix("").write_bytes(lzma.decompress(packed.read_bytes()))
    return out


@real
def test_a_recording_has_bot_iots_names_and_both_kinds_of_packets(recording: Path) -> None:
    names = sorted(path.relative_to(recording).as_posix() for path in recording.rglob("*.pcap"))

    assert len(names) == 2
    stamp = r"_00001_\d{14}\.pcap"
    assert re.fullmatch(rf"PCAPs/DDoS/DDoS_TCP/1/IoT_Dataset_TCP_DDoS_{stamp}", names[0])
    assert re.fullmatch(rf"PCAPs/Theft/Keylogging/1/IoT_Keylogging_{stamp}", names[1])
    for name in names:
        sources = tshark(recording / name, "-T", "fields", "-e", "ip.src", "-E", "occurrence=f")
        assert BOTS & set(sources), name
        assert {"192.168.100.20", "192.168.100.21"} <= set(sources), f"{name}: no MQTT"
    fields = ("-T", "fields", "-e", "ip.src")
    flood = Counter(tshark(recording / names[0], "-Y", "tcp && ip.src != 192.168.100.46", *fields))
    assert sum(flood[bot] for bot in BOTS) > 30


@real
def test_frames_come_out_at_wire_size_with_right_checksums(recording: Path) -> None:
    """Only with offloads off: else up to 64 KB a frame, and checksums left to the card.

    Linux writes a checksum of zero as ffff (net/core/dev.c, skb_checksum_help), in TCP too, where
    it means the same; TShark calls that bad.
    """
    tcp = "(tcp.checksum.status == 0 && tcp.checksum != 0xffff)"
    bad = f"ip.checksum.status == 0 || udp.checksum.status == 0 || {tcp}"
    for path in recording.rglob("*.pcap"):
        lengths = [int(n) for n in tshark(path, "-T", "fields", "-e", "frame.len")]

        assert len(tshark(path, "-Y", "tcp.checksum.status == 1")) > 100
        assert tshark(path, "-Y", bad) == []
        assert max(lengths) <= 1514


@real
def test_namespaces_have_no_way_out_and_an_interrupt_leaves_nothing(tmp_path: Path) -> None:
    process = start(tmp_path / "out", "--only", "DoS_UDP")
    try:
        until_recording(process, tmp_path / "out")
        namespaces = network.namespaces()
        routes, links = {}, {}
        for namespace in namespaces:
            for family in ("-4", "-6"):
                routes[namespace, family] = subprocess.run(
                    ["ip", family, "-n", namespace, "route", "show", "table", "all"],
                    capture_output=True, text=True, check=True,
                ).stdout  # fmt: skip
            links[namespace] = json.loads(subprocess.run(
                ["ip", "-j", "-n", namespace, "link"], capture_output=True, text=True, check=True,
            ).stdout)  # fmt: skip
        earlier = inhabitants()
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)

    assert len(namespaces) == len(hosts.HOSTS) + 1
    assert not [place for place, table in routes.items() if "default" in table or "via" in table]
    assert any("192.168.100.0/24" in table for table in routes.values())
    for namespace, found in links.items():
        names = {link["ifname"] for link in found}
        if namespace == network.SWITCH:
            assert names == {"lo", "mirror"}
        else:
            assert names == {"lo", "eth0"}
    assert len(earlier) > 30, "the testbed was not running"
    assert process.returncode != 0
    assert_nothing_left(earlier, tmp_path)


@real
def test_after_kill_9_the_next_start_removes_what_was_left(tmp_path: Path) -> None:
    process = start(tmp_path / "out", "--only", "DoS_UDP")
    until_recording(process, tmp_path / "out")
    process.kill()
    process.communicate()
    earlier = inhabitants()
    assert earlier and network.namespaces(), "nothing was left, so this shows nothing"

    again = start(tmp_path / "out", "--only", "DoS_UDP")
    until_recording(again, tmp_path / "out")
    later = inhabitants()
    again.send_signal(signal.SIGTERM)
    again.communicate(timeout=60)

    assert not earlier.keys() & later.keys()
    assert_nothing_left(earlier | later, tmp_path)


@real
def test_a_second_recording_does_not_disturb_the_first(tmp_path: Path) -> None:
    first = start(tmp_path / "first", "--only", "DoS_UDP")
    try:
        until_recording(first, tmp_path / "first")
        before = inhabitants()
        second = start(tmp_path / "second", "--only", "DoS_UDP")
        _, complained = second.communicate(timeout=60)
        after = network.namespaces()
    finally:
        first.send_signal(signal.SIGINT)
        first.communicate(timeout=60)

    assert second.returncode != 0
    assert "another recording is running" in complained
    assert len(after) == len(hosts.HOSTS) + 1
    assert_nothing_left(before, tmp_path)


@real
def test_a_missing_tool_stops_the_command_before_anything_is_made(tmp_path: Path) -> None:
    said = subprocess.run(
        [sys.executable, "-m", "testbed", "record", "--out", str(tmp_path / "out")],
        cwd=ROOT, env={"PATH": str(tmp_path)}, capture_output=True, text=True, timeout=30,
    )  # fmt: skip

    assert said.returncode != 0
    assert re.search(r"missing: .*\bnmap\b.*apt-get install .*\bnmap\b", said.stderr)
    assert list(tmp_path.iterdir()) == []
