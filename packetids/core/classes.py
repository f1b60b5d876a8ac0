"""The eleven traffic classes of BoT-IoT, and where each one's captures lie.

Ge et al. 2019, Table I (ten attack subcategories and normal traffic). The subcategory names
TCP, UDP and HTTP are shared by DDoS and DoS, so a class is known by a `key` of its own.
Every table and figure shows the classes in the order of this file.
"""

import re
from dataclasses import dataclass
from pathlib import PurePath

from packetids.core.errors import PacketidsError


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
MULTICLASS = "multiclass"
TASKS = (MULTICLASS, *ATTACKS)  # one over all groups, and a binary one for each attack
BY_KEY = {entry.key: entry for entry in SUBCATEGORIES}


# The subject of a capture's file name, as a set of words: the order in names is not the folders'.
_NAMES = {
    frozenset({"servicescan"}): "Service_Scan",
    frozenset({"osscan"}): "OS_Fingerprint",
    frozenset({"data", "theft"}): "Data_Exfiltration",
    frozenset({"keylogging"}): "Keylogging",
    **{
        frozenset({protocol, kind.lower()}): f"{kind}_{protocol.upper()}"
        for protocol in ("http", "tcp", "udp")
        for kind in ("DDoS", "DoS")
    },
}
_NAME = re.compile(r"IoT_(?:Dataset_)?(?P<subject>.+?)__\d+", re.IGNORECASE)
NAME_EXAMPLES = "IoT_Dataset_TCP_DDoS__00001_20180604170103, IoT_Keylogging__00001_20180619135903"


def of_capture(path: PurePath) -> Subcategory:
    """Return the attack subcategory of a capture, by its folders and its name.

    `path` is relative to the folder that holds ``DDoS``, ``DoS``, ``Scan`` and ``Theft``; numbered
    folders may follow (``Scan/OS/4/….pcap``). Names are ``IoT_Dataset_TCP_DDoS__00001_<time>``,
    words in another order than the folder's ``DDoS/DDoS_TCP``. Whole words are compared, because
    ``DoS`` is a part of the word ``DDoS``. Folders or name may be silent, not both.

    Raises
    ------
    PacketidsError
        If neither names one of the ten attack subcategories, or they disagree.
    """
    by_folder, by_name = _of_folders(path), _of_name(path)
    if by_folder and by_name and by_folder != by_name:
        raise PacketidsError(
            f"{path}: its folders say {by_folder.key} and its name says {by_name.key}. "
            f"A capture of {by_name.key} lies below {'/'.join(by_name.folder or ())}: move it "
            "there, rename it, or take it out of the captures folder."
        )
    if found := by_folder or by_name:
        return found
    known = ", ".join("/".join(entry.folder) for entry in SUBCATEGORIES if entry.folder)
    raise PacketidsError(
        f"{path}: its folders name no attack subcategory, nor does its name. A capture lies below "
        f"one of {known}, or is named like {NAME_EXAMPLES}. "
        "Move it there, or take it out of the captures folder."
    )


def _of_folders(path: PurePath) -> Subcategory | None:
    folders = path.parts[:-1]
    for entry in SUBCATEGORIES:
        if entry.folder and entry.folder in zip(folders, folders[1:], strict=False):
            return entry
    tops = {entry.folder[0] for entry in SUBCATEGORIES if entry.folder}
    for entry in SUBCATEGORIES:
        if not entry.folder or entry.folder[1] not in folders:
            continue
        if above := tops & set(folders):
            raise PacketidsError(
                f"{path}: a folder {entry.folder[1]} belongs below {entry.folder[0]}, and here it "
                f"is below {', '.join(sorted(above))}. Its captures name no attack subcategory: "
                f"move them to {'/'.join(entry.folder)}, or take them out of the captures folder."
            )
        return entry
    return None


def _of_name(path: PurePath) -> Subcategory | None:
    match = _NAME.match(path.name)
    key = _NAMES.get(frozenset(match["subject"].lower().split("_"))) if match else None
    return BY_KEY[key] if key else None


TOTAL = "Total"
