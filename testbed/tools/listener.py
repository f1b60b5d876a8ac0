"""A server for bots and sinks: ``python -m testbed.tools.listener HOW PORT [CERTIFICATE KEY]``.

HOW is ``tcp`` (takes lines and answers some), ``shell`` (types commands), ``udp`` and ``sink``
(datagrams, answered sometimes or never), ``dns`` (answers questions), ``http`` or ``https``.
It listens on IPv4 and runs until it is ended.
"""

import http.server
import random
import socket
import socketserver
import ssl
import struct
import sys
import time

COMMANDS = (b"ls -l\n", b"cat notes.txt\n", b"whoami\n", b"ps aux\n", b"netstat -an\n", b"id\n")


class Lines(socketserver.StreamRequestHandler):
    """Take lines, and answer about every eighth with a few bytes."""

    def handle(self) -> None:
        """Answer one connection until it ends."""
        every = random.randint(4, 12)
        for number, _ in enumerate(self.rfile, 1):
            if number % every == 0:
                self.wfile.write(f"next {number}\n".encode())


class Shell(socketserver.StreamRequestHandler):
    """Type commands key by key, and read what comes back after each line."""

    def handle(self) -> None:
        """Type until the other side closes the connection."""
        self.request.settimeout(0.5)
        while True:
            for key in random.choice(COMMANDS):
                self.wfile.write(bytes([key]))
                time.sleep(random.lognormvariate(-2.0, 0.5))
            try:
                while self.request.recv(65536):
                    pass
                return
            except TimeoutError:
                continue


class Upload(http.server.BaseHTTPRequestHandler):
    """Take what is posted and answer in a line."""

    protocol_version = "HTTP/1.1"
    server_version = sys_version = ""

    def do_POST(self) -> None:
        """Read the body, and say that it came."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.send_header("Content-Length", "3")
        self.end_headers()
        self.wfile.write(b"ok\n")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Threads(socketserver.ThreadingTCPServer):
    """A server with a thread for each connection; what goes wrong in one is its end."""

    allow_reuse_address, daemon_threads, request_queue_size = True, True, 64

    def handle_error(self, *_: object) -> None:
        """Let a connection that a client broke off end."""


def take_datagrams(port: int, answers: bool) -> None:
    """Take datagrams; answer about every eighth where `answers`."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("0.0.0.0", port))
        number = 0
        while True:
            _, client = server.recvfrom(65535)
            number += 1
            if answers and number % 8 == 0:
                server.sendto(f"next {number}\n".encode(), client)


def answer_names(port: int) -> None:
    """Answer each DNS question with an address, in the form of RFC 1035, section 4."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("0.0.0.0", port))
        while True:
            question, client = server.recvfrom(65535)
            header = question[:2] + struct.pack(">5H", 0x8180, 1, 1, 0, 0)
            answer = struct.pack(">3HIH", 0xC00C, 1, 1, 60, 4) + socket.inet_aton("192.168.100.1")
            server.sendto(header + question[12:] + answer, client)


def main(how: str, port: int, *keys: str) -> None:
    """Serve until ended."""
    if how in ("udp", "sink"):
        take_datagrams(port, how == "udp")
    elif how == "dns":
        answer_names(port)
    else:
        handler = {"tcp": Lines, "shell": Shell, "http": Upload, "https": Upload}[how]
        with Threads(("0.0.0.0", port), handler) as server:
            if how == "https":
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(*keys)
                server.socket = context.wrap_socket(
                    server.socket, server_side=True, do_handshake_on_connect=False
                )
            server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:])
