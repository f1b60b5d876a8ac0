"""IEEE 802.2 logical link control, and SNAP.

At entry ``p.at`` is the first octet of the header and ``p.end`` the end of the captured octets that
belong to it. It leaves the next layer in ``p.next`` and its first octet in ``p.at``, or STOP. No
octet at or past ``p.end`` is read, and nothing is raised.
"""

import numpy as np

from packetids.kernels import subkernel
from packetids.native import wire
from packetids.native.state import ETHERTYPE, IP, OTHER, STOP, Record, u8, u16, unsupported


@subkernel
def dissect(octets: np.ndarray, p: Record) -> None:
    """IEEE 802.2: IP directly, or SNAP with an EtherType."""
    service_at = p.at
    p.next = STOP
    if p.end - p.at < wire.LLC_LEN:
        return
    service, control = u8(octets, p.at), u8(octets, p.at + wire.LLC_CONTROL)
    if control == wire.LLC_UNNUMBERED:
        p.at += wire.LLC_LEN
    elif control & 1 == 0:  # information, with an octet more for its numbers
        p.at += wire.LLC_LEN + 1
    else:
        return
    if service == wire.SAP_IP:
        p.next = IP
    elif service == wire.SAP_3COM and p.end > p.at:
        unsupported(p, OTHER, service)
    elif service == wire.SAP_SNAP and u8(octets, service_at + 1) == wire.SAP_SNAP:
        if p.end - p.at < wire.SNAP_LEN:
            return
        owner = u16(octets, p.at) << 8 | u8(octets, p.at + 2)
        kind = u16(octets, p.at + wire.SNAP_TYPE)
        if owner == 0x000000 or owner == 0x0000F8:
            p.at += wire.SNAP_LEN
            p.protocol = kind
            p.next = ETHERTYPE if kind >= wire.ETH_TYPE_MIN else STOP
        elif owner == 0x0080C2 or owner == 0x005043:  # bridged frames, Marvell's tags
            unsupported(p, OTHER, owner)
