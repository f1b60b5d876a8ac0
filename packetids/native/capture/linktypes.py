"""TShark 4.0.17's link types, found by giving it one capture of each.

Numbers are LINKTYPE_ values of the registry of tcpdump.org.
"""

NO_PACKET = -1  # link type of a frame that holds no packet: a custom block of a pcapng file

# Others are refused in a pcap file.
KNOWN = frozenset(
    [0, 1, 2, 3, *range(6, 15), 16, 18, 19, 32, 50, 51, 99, 100, 101, *range(104, 110)]
    + [112, 113, 114, 117, 118, 119, 121, 122, 123, *range(127, 132), 133, *range(135, 145)]
    + [*range(147, 164), 165, 167, 169, 170, 171, 172, 173, *range(177, 182), 183, 184]
    + [*range(186, 191), 192, 195, 196, 197, *range(199, 205), *range(209, 216), 220]
    + [*range(224, 232), 235, 236, 237, *range(239, 244), 245, *range(248, 257), 258, 259, 260]
    + [264, 266, 268, *range(270, 277), 279, 280, 283, 287, 288, 290, *range(292, 296)]
)

# Bytes before the frame proper, which are no part of frame.len.
PSEUDO_HEADER_OCTETS = {123: 4, 139: 4, 196: 5, 201: 4, 204: 1, 209: 5, 245: 2, 254: 4}

# Their pseudo-headers change length or time from frame to frame: IrDA, LAPD, ERF.
UNSUPPORTED = {144: "IrDA", 177: "LAPD", 197: "ERF"}

USUAL_MAXIMUM_OCTETS = 262_144
MAXIMUM_OCTETS = {
    **dict.fromkeys((186, 189, 220, 249, 266), 128 << 20),  # USB
    231: 128 << 20,  # D-Bus
    279: 8 << 20,  # EBHSCR
}


def pseudo_header_octets(link_type: int) -> int:
    """Return the bytes between record header and frame."""
    return PSEUDO_HEADER_OCTETS.get(link_type, 0)


def maximum_octets(link_type: int) -> int:
    """Return the most bytes TShark takes for one captured frame."""
    return MAXIMUM_OCTETS.get(link_type, USUAL_MAXIMUM_OCTETS)
