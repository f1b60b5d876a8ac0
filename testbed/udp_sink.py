"""An open UDP port that answers nothing: ``udp_sink.py PORT``."""

import socket
import sys


def main(port: int) -> None:
    """Take datagrams until ended."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sink:
        sink.bind(("0.0.0.0", port))
        while True:
            sink.recv(65535)


if __name__ == "__main__":
    main(int(sys.argv[1]))
