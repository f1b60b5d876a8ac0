"""A made-up download of BoT-IoT: its layout and names, the tiny captures' real packets."""

import csv
import io
import json
import lzma
from pathlib import Path

from tests.conftest import ROOT

PLACES = {
    "DDoS_HTTP": ["DDoS/DDoS_HTTP/IoT_Dataset_HTTP_DDoS__00001_20180604190104.pcap"],
    "DDoS_TCP": ["DDoS/DDoS_TCP/IoT_Dataset_TCP_DDoS__00001_20180604170103.pcap",
                 "DDoS/DDoS_TCP/IoT_Dataset_TCP_DDoS__00002_20180604170136.pcap"],
    "DDoS_UDP": ["DDoS/DDoS_UDP/IoT_Dataset_UDP_DDoS__00001_20180604180103.pcap"],
    "DoS_HTTP": ["DoS/DoS_HTTP/IoT_Dataset_HTTP_DoS__00001_20180604150105.pcap"],
    "DoS_TCP": ["DoS/DoS_TCP/1/IoT_Dataset_TCP_DoS__00046_20180604134915.pcap"],
    "DoS_UDP": ["DoS/DoS_UDP/IoT_Dataset_UDP_DoS__00001_20180604140103.pcap"],
    "OS_Fingerprint": ["Scan/OS/IoT_Dataset_OSScan__00001_20180521140502.pcap",
                       "Scan/OS/4/IoT_Dataset_OSScan__00001_20180522190501.pcap"],
    "Service_Scan": ["Scan/Service/IoT_Dataset_ServiceScan__00001_20180515102711.pcap"],
    "Data_Exfiltration": [
        "Theft/Data_Exfiltration/IoT_Dataset_data_theft__00001_20180618110503.pcap"],
    "Keylogging": ["Theft/Keylogging/IoT_Keylogging__00001_20180619135903.pcap"],
}  # fmt: skip
COUNT = sum(map(len, PLACES.values()))


def tiny(key: str) -> list[bytes]:
    """The four tiny captures of a subcategory."""
    from packetids.core import classes

    top, leaf = classes.BY_KEY[key].folder or ("", "")
    packed = sorted((ROOT / "captures/tiny/PCAPs" / top / leaf).rglob("*.pcap.xz"))
    return [lzma.decompress(path.read_bytes()) for path in packed]


def bot_packets() -> int:
    """Count the packets of bots in the download, as the tiny captures' manifest tells."""
    listed = json.loads((ROOT / "captures/tiny/manifest.json").read_text())["captures"]
    return sum(
        entry["bot_packets"]
        for key, places in PLACES.items()
        for entry in [one for one in listed if one["subcategory"] == key][: len(places)]
    )


def download(folder: Path, flows: bool = True) -> Path:
    """Make the download in `folder`; with `flows` also the CSV files, without a header."""
    for key, places in PLACES.items():
        for place, octets in zip(places, tiny(key), strict=False):
            path = folder / "PCAPs" / place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(octets)
    if flows:
        text = lzma.decompress((ROOT / "captures/tiny/flows/flows.csv.xz").read_bytes()).decode()
        rows = list(csv.reader(io.StringIO(text)))
        top = folder / "CSV" / "Entire Dataset"
        top.mkdir(parents=True)
        names = top / "UNSW_2018_IoT_Botnet_Dataset_Feature_Names.csv"
        names.write_text(",".join(rows[0]) + "\n")
        for number, some in enumerate((rows[1:400], rows[400:]), 1):
            lines = "".join(",".join(row) + "\n" for row in some)
            (top / f"UNSW_2018_IoT_Botnet_Dataset_{number}.csv").write_text(lines)
    return folder


def snapshot(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """Everything about the files of a folder that a program could have changed."""
    return {
        path.relative_to(folder).as_posix(): (
            path.stat().st_mtime_ns,
            path.stat().st_ino,
            path.read_bytes() if path.is_file() else b"",
        )
        for path in sorted(folder.rglob("*"))
    }
