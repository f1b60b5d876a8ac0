"""Why a capture is left to TShark, in words."""

from packetids.native import state


def words(reason: int, number: int) -> str:
    """Return what TShark would dissect and the native reader does not."""
    return {
        state.LINK_TYPE: f"link type {number}",
        state.ETHERTYPE_REASON: f"EtherType 0x{number:04x}",
        state.IP_PROTOCOL_REASON: f"IP protocol {number}",
        state.GRE_REASON: f"GRE with protocol type 0x{number:04x}",
        state.PORT_REASON: f"UDP port {number}",
        state.TCP_PORT_REASON: f"TCP port {number}",
        state.NESTING: f"more than {number} headers with addresses in one frame",
        state.MEDIA_REASON: "media set up by SDP, RTSP, H.323 or Skinny",
        state.OTHER: f"an encapsulation (0x{number:x})",
    }[reason]
