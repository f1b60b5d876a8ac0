"""Which packets keep a host's own network going, whatever the host is used for: ARP, DNS, NTP.

A bot sends them as every host does. Labelled by the bot's address, they count as packets of the
attack, though nothing in them tells an attack.
"""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

NONE = ""
NAMES = (NONE, "ARP", "DNS", "NTP")
PORTS = {"DNS": 53, "NTP": 123}  # of UDP: RFC 1035, section 4.2.1; RFC 5905, section 16


def of_packets(packets: pa.Table) -> np.ndarray:
    """Return the place of each packet's service in `NAMES`; int8, shape (n_packets,).

    `packets` has the columns ``arp.proto.type``, ``udp.srcport`` and ``udp.dstport``.
    """
    found = np.zeros(len(packets), np.int8)
    for name, port in PORTS.items():
        at_port = pc.or_kleene(
            pc.equal(packets["udp.srcport"], port), pc.equal(packets["udp.dstport"], port)
        )
        found[pc.fill_null(at_port, False).to_numpy()] = NAMES.index(name)
    found[packets["arp.proto.type"].is_valid().to_numpy()] = NAMES.index("ARP")
    return found


def column(place: np.ndarray) -> pd.Categorical:
    """Return the services at `place` in `NAMES` as categories."""
    return pd.Categorical.from_codes(place, list(NAMES))
