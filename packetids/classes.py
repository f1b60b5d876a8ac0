"""The eleven traffic classes of BoT-IoT, and where each one's captures lie.

Ge et al. 2019, Table I (ten attack subcategories and normal traffic). The subcategory names
TCP, UDP and HTTP are shared by DDoS and DoS, so a class is known by a `key` of its own.
Every table and figure shows the classes in the order of this file.
"""

from dataclasses import dataclass
from pathlib import PurePath

from packetids.errors import PacketidsError


@dataclass(frozen=True)
class Subcategory:
    """One row of the paper's Table I."""

    key: str  # unique name, used in files, settings and code
    category: str  # BoT-IoT's own label
    subcategory: str  # BoT-IoT's own label, not unique
    title: str  # the paper's wording, for figures and tables
    group: str  # class of the paper's multi-class task (section IV-C)
    folder: tuple[str, str] | None  # below PCAPs/, as the dataset is distributed


DDOS_DOS, RECONNAISSANCE, THEFT, NORMAL = "DDoS_DoS", "Reconnaissance", "Theft", "Normal"

# Labels 0 to 3 of the multi-class task, in the order of the paper's Table V.
GROUPS = (NORMAL, DDOS_DOS, RECONNAISSANCE, THEFT)
GROUP_TITLES = {
    NORMAL: "Normal",
    DDOS_DOS: "DDoS/DoS",
    RECONNAISSANCE: "Reconnaissance",
    THEFT: "Information theft",
}

SUBCATEGORIES = (
    Subcategory("DDoS_HTTP", "DDoS", "HTTP", "DDoS over HTTP", DDOS_DOS, ("DDoS", "DDoS_HTTP")),
    Subcategory("DDoS_TCP", "DDoS", "TCP", "DDoS over TCP", DDOS_DOS, ("DDoS", "DDoS_TCP")),
    Subcategory("DDoS_UDP", "DDoS", "UDP", "DDoS over UDP", DDOS_DOS, ("DDoS", "DDoS_UDP")),
    Subcategory("DoS_HTTP", "DoS", "HTTP", "DoS over HTTP", DDOS_DOS, ("DoS", "DoS_HTTP")),
    Subcategory("DoS_TCP", "DoS", "TCP", "DoS over TCP", DDOS_DOS, ("DoS", "DoS_TCP")),
    Subcategory("DoS_UDP", "DoS", "UDP", "DoS over UDP", DDOS_DOS, ("DoS", "DoS_UDP")),
    Subcategory(
        "OS_Fingerprint", "Reconnaissance", "OS_Fingerprint", "OS fingerprinting",
        RECONNAISSANCE, ("Scan", "OS"),
    ),
    Subcategory(
        "Service_Scan", "Reconnaissance", "Service_Scan", "Service scanning",
        RECONNAISSANCE, ("Scan", "Service"),
    ),
    Subcategory(
        "Data_Exfiltration", "Theft", "Data_Exfiltration", "Data exfiltration",
        THEFT, ("Theft", "Data_Exfiltration"),
    ),
    Subcategory("Keylogging", "Theft", "Keylogging", "Keylogging", THEFT, ("Theft", "Keylogging")),
    Subcategory("Normal", "Normal", "Normal", "Normal", NORMAL, None),
)  # fmt: skip

KEYS = tuple(entry.key for entry in SUBCATEGORIES)
ATTACKS = tuple(key for key in KEYS if key != NORMAL)
BY_KEY = {entry.key: entry for entry in SUBCATEGORIES}


def of_capture(path: PurePath) -> Subcategory:
    """Tell the attack subcategory of a capture from its folders.

    `path` is relative to the folder that holds ``DDoS``, ``DoS``, ``Scan`` and ``Theft``; numbered
    folders may follow (``Scan/OS/4/….pcap``). Whole folder names are compared, because ``DoS`` is
    a part of the word ``DDoS``.

    Raises
    ------
    PacketidsError
        If the folders name none of the ten attack subcategories.
    """
    folders = path.parts[:-1]
    for entry in SUBCATEGORIES:
        if entry.folder and entry.folder in zip(folders, folders[1:], strict=False):
            return entry
    known = ", ".join("/".join(entry.folder) for entry in SUBCATEGORIES if entry.folder)
    raise PacketidsError(
        f"{path}: its folders name no attack subcategory. A capture lies below one of {known}. "
        "Move it there, or take it out of the captures folder."
    )
