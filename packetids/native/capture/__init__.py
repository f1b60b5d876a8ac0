"""From the octets of a capture file to frames."""
