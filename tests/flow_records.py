"""Flow records as BoT-IoT's files have them: Argus' records of the tiny captures, every dialect."""

import csv
import gzip
import io
import lzma
from decimal import Decimal
from pathlib import Path

import pyarrow as pa

from packetids.core import classes
from tests import naive
from tests.conftest import ROOT

COLUMNS = (
    "pkSeqID,stime,flgs,proto,saddr,sport,daddr,dport,pkts,bytes,state,ltime,seq,dur,mean,stddev,"
    "smac,dmac,sum,min,max,soui,doui,sco,dco,spkts,dpkts,sbytes,dbytes,rate,srate,drate,attack,"
    "category,subcategory"
).split(",")
FIVE_PERCENT = (
    "pkSeqID,stime,flgs,flgs_number,proto,proto_number,saddr,sport,daddr,dport,pkts,bytes,state,"
    "state_number,ltime,seq,dur,mean,stddev,sum,min,max,spkts,dpkts,sbytes,dbytes,rate,srate,drate,"
    "TnBPSrcIP,TnBPDstIP,TnP_PSrcIP,TnP_PDstIP,TnP_PerProto,TnP_Per_Dport,AR_P_Proto_P_SrcIP,"
    "AR_P_Proto_P_DstIP,N_IN_Conn_P_DstIP,N_IN_Conn_P_SrcIP,AR_P_Proto_P_Sport,AR_P_Proto_P_Dport,"
    "Pkts_P_State_P_Protocol_P_DestIP,Pkts_P_State_P_Protocol_P_SrcIP,attack,category,subcategory"
).split(",")
GROUND_TRUTH = [
    *COLUMNS[1:6], "dir", *COLUMNS[6:32], "unknown", "record", "attack", "category",
    "subsubcategory",
]  # fmt: skip
NAMED = {"513": "login", "9098": "xinetd", "3493": "nut", "80": "http", "22": "ssh"}


def real() -> list[dict[str, str]]:
    """Real records: Argus read the captures of captures/tiny (python -m testbed flows)."""
    text = lzma.decompress((ROOT / "captures/tiny/flows/flows.csv.xz").read_bytes()).decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert list(rows[0]) == COLUMNS
    return rows


def entire(folder: Path, rows: list[dict[str, str]]) -> None:
    """UNSW_2018_IoT_Botnet_Dataset_N.csv: no header, text in quotes; names in a file beside."""
    half = len(rows) // 2
    for number, some in enumerate((rows[:half], rows[half:]), 1):
        lines = [
            ",".join(
                f'"{row[name]}"'
                if name in ("flgs", "proto", "saddr", "daddr", "state", "category", "subcategory")
                else row[name]
                for name in COLUMNS
            )
            for row in some
        ]
        path = folder / f"UNSW_2018_IoT_Botnet_Dataset_{number}.csv"
        path.write_text("\n".join(lines) + "\n")
    names = folder / "UNSW_2018_IoT_Botnet_Dataset_Feature_Names.csv"
    names.write_text(",".join(COLUMNS) + "\n")


def kaggle(folder: Path, rows: list[dict[str, str]]) -> None:
    """data_N.csv: a header whose last name ends in a space; ports went through pandas."""
    lines = [",".join(COLUMNS) + " "]
    for row in rows:
        changed = dict(row)
        for name in ("sport", "dport"):
            if row[name].isdigit():
                changed[name] += ".0"
        changed["stime"] = repr(float(row["stime"]))  # drops zeros at the end
        lines.append(",".join(changed[name] for name in COLUMNS))
    (folder / "data_1.csv").write_text("\r\n".join(lines) + "\r\n")
    (folder / "data_names.csv").write_text(",".join(COLUMNS) + "\n")


def five_percent(folder: Path, rows: list[dict[str, str]]) -> None:
    """UNSW_2018_IoT_Botnet_Full5pc_N.csv: 46 columns, ports of ARP are -1."""
    lines = [",".join(FIVE_PERCENT)]
    for row in rows:
        changed = dict.fromkeys(FIVE_PERCENT, "7") | row
        if row["proto"] == "arp":
            changed |= {"sport": "-1", "dport": "-1"}
        lines.append(",".join(changed[name] for name in FIVE_PERCENT))
    (folder / "UNSW_2018_IoT_Botnet_Full5pc_4.csv.gz").write_bytes(
        gzip.compress("\n".join(lines).encode())
    )


def ground_truth(folder: Path, rows: list[dict[str, str]]) -> None:
    """DoS_HTTP.csv: ';', service names, bytes of no encoding, headers repeated, subsubcategory."""
    header = ";".join(GROUND_TRUTH).encode()
    lines = [b"\xef\xbb\xbf" + header]
    for number, row in enumerate(rows):
        if number % 300 == 299:
            lines.append(header)
        changed = {name: row.get(name, "") for name in GROUND_TRUTH}
        changed |= {"dir": "<?>", "unknown": "\xe9", "record": "\x13\x10"}
        changed["subsubcategory"] = {
            "Service_Scan": "Service Scan",
            "OS_Fingerprint": "OS_Scan",
        }.get(row["subcategory"], row["subcategory"].lower())
        for name in ("sport", "dport"):
            changed[name] = NAMED.get(row[name], row[name])
        changed["proto"] = f" {row['proto']}"
        lines.append(";".join(changed.values()).encode("latin-1"))
    (folder / "DoS_HTTP.csv").write_bytes(b"\n".join(lines) + b"\n")


def as_flows(rows: list[dict[str, str]]) -> list[dict]:
    """The records as the slow twin takes them."""
    pairs = {(e.category, e.subcategory): e.key for e in classes.SUBCATEGORIES}
    made = []
    for row in rows:
        ends = [(row["saddr"],), (row["daddr"],)]
        if row["proto"] in ("tcp", "udp"):
            ends = [(row["saddr"], int(row["sport"], 0)), (row["daddr"], int(row["dport"], 0))]
        made.append(
            {
                "proto": row["proto"],
                "ends": sorted(ends),
                "start_us": int(Decimal(row["stime"]) * 10**6),
                "end_us": int(Decimal(row["ltime"]) * 10**6),
                "class": pairs[row["category"], row["subcategory"]],
            }
        )
    return made


def by_twin(packets: pa.Table, listed: list[dict], tolerance_us: int) -> list[tuple]:
    times = packets["frame.time_epoch"].cast(pa.int64()).to_pylist()
    rows = packets.drop_columns(["frame.time_epoch"]).to_pylist()
    return [
        naive.flow_of(row | {"time_us": None if t is None else t // 1000}, listed, tolerance_us)
        for row, t in zip(rows, times, strict=True)
    ]
