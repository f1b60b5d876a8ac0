"""People: browsing, names, logging in, copying files, chatting, and pings."""

import random
import socket
import subprocess
import threading
import time
from pathlib import Path

from testbed.hosts import BY_NAME, HOSTS
from testbed.normal import Activity, pause, run, ssh_options
from testbed.services import CHAT_PORT, DOMAIN, PAGE_BYTES, SSH_HOSTS
from testbed.tools.human import WORDS, key_pause_s

AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:115.0) Gecko/20100101 Firefox/115.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/120.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1 Mobile/15E148",
)
SITES = ("server", "web", "windows", "files", "server", "cloud")


def browse(rng: random.Random) -> None:
    """Fetch pages over one connection, by name or address, with IPv4 or IPv6, TLS or not."""
    host = rng.choice(SITES)
    where = rng.choice((f"{host}.{DOMAIN}", f"{host}.{DOMAIN}", BY_NAME[host].address))
    scheme = rng.choice(("http", "http", "http", "http", "http", "https"))
    pages = rng.choices(list(PAGE_BYTES), weights=(12, 5, 1.5, 0.4), k=rng.randint(1, 5))
    if scheme == "https":
        pages = [page for page in pages if PAGE_BYTES[page] < 1_000] or ["index"]
    urls = [f"{scheme}://{where}/{page}.html" for page in pages]
    outputs = [argument for _ in urls for argument in ("-o", "/dev/null")]
    version = (
        rng.choice(("-4", "-4", "-6")) if where.endswith(DOMAIN) and scheme == "http" else "-4"
    )
    together = ["-Z"] if rng.random() < 0.3 else []  # several connections at once, as browsers do
    run("curl", "-s", "-k", version, *together, "-m", "6", "-A", rng.choice(AGENTS), *outputs,
        *urls)  # fmt: skip
    pause(rng, 1.6)


def fill_in(scratch: Path) -> Activity:
    """Post a form or a document to a web server, which answers with the page."""

    def activity(rng: random.Random) -> None:
        document = scratch / "documents" / f"{rng.randrange(8)}.txt"
        host = BY_NAME[rng.choice(SITES)].address
        run("curl", "-s", "-m", "6", "-o", "/dev/null", "--limit-rate",
            f"{rng.choice((20, 100, 400))}k", "--data-binary", f"@{document}",
            f"http://{host}/index.html")  # fmt: skip
        pause(rng, 2.5)

    return activity


def retry(rng: random.Random) -> None:
    """Ask for what is not there: a closed port, a host that is off, a page that is gone."""
    host = BY_NAME[rng.choice(SITES)].address
    url = rng.choice((f"http://{host}:{rng.choice((81, 8081, 8000, 3000))}/", f"http://{host}/gone",
                      "http://192.168.100.77/"))  # fmt: skip
    run("curl", "-s", "-m", "2", "--retry", "2", "--retry-delay", "1", "--retry-connrefused", "-o",
        "/dev/null", url)  # fmt: skip
    pause(rng, 2.5)


def look_up(rng: random.Random) -> None:
    """Ask the resolver for a name that exists or does not; IPv4 and IPv6."""
    name = rng.choice([host.name for host in HOSTS] + ["printer-2", "nowhere", "a-longer-name"])
    try:
        socket.getaddrinfo(f"{name}.{DOMAIN}", 80)
    except socket.gaierror:
        pass
    pause(rng, 1.0)


def log_in(scratch: Path) -> Activity:
    """Log in by SSH and type, as fast as people do, or run one command."""

    def activity(rng: random.Random) -> None:
        host = BY_NAME[rng.choice(SSH_HOSTS)].address
        command = ["ssh", "-q", *ssh_options(scratch), f"root@{host}"]
        if rng.random() < 0.4:
            run(*command, "cat /proc/uptime; sleep 0.3; cat /proc/loadavg")
        else:
            with subprocess.Popen(
                [*command, "-tt", "cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            ) as shell:  # fmt: skip
                assert shell.stdin is not None
                try:
                    for key in " ".join(rng.choices(WORDS, k=rng.randint(3, 14))):
                        time.sleep(key_pause_s(rng, key))
                        shell.stdin.write(key.encode())
                        shell.stdin.flush()
                except BrokenPipeError:
                    pass
                shell.terminate()
        pause(rng, 8)

    return activity


def copy_files(scratch: Path) -> Activity:
    """Copy a document to a server by scp."""

    def activity(rng: random.Random) -> None:
        document = scratch / "documents" / f"{rng.randrange(7)}.txt"
        copy = scratch / "got" / f"{socket.gethostname()}-{threading.get_ident()}"
        host = BY_NAME[rng.choice(SSH_HOSTS)].address
        run("scp", "-q", "-l", f"{rng.choice((300, 2000))}", *ssh_options(scratch), str(document),
            f"root@{host}:{copy}")  # fmt: skip
        pause(rng, 9)

    return activity


def chat(rng: random.Random) -> None:
    """Write to each other over the hub: lines, typed at the speed of people."""
    try:
        with socket.create_connection((BY_NAME["hub"].address, CHAT_PORT), 3) as session:
            for _ in range(rng.randint(2, 8)):
                line = " ".join(rng.choices(WORDS, k=rng.randint(1, 9)))
                if rng.random() < 0.4:  # some clients show each key
                    for key in line:
                        time.sleep(key_pause_s(rng, key))
                        session.sendall(key.encode())
                else:
                    time.sleep(min(4.0, sum(key_pause_s(rng, key) for key in line)))
                    session.sendall(line.encode())
                session.sendall(b"\n")
    except OSError:
        pass
    pause(rng, 1.5)


def fetch_by_ftp(rng: random.Random) -> None:
    """Fetch a file by FTP: a control and a data connection."""
    run("curl", "-s", "--max-time", "5", "-o", "/dev/null",
        f"ftp://{BY_NAME['files'].address}/pub/manual.txt")  # fmt: skip
    pause(rng, 4.0)


def ping(rng: random.Random) -> None:
    """Ask a neighbour for echoes, of any size, over IPv4 or IPv6."""
    host = rng.choice([host for host in HOSTS if host.role != "bot"])
    address = rng.choice((host.address, host.address, host.address_v6))
    run("ping", "-q", "-c", f"{rng.randint(1, 5)}", "-i", "0.2", "-W", "1", "-s",
        f"{rng.choice((8, 56, 56, 64, 120, 500, 1000))}", address)  # fmt: skip
    pause(rng, 2.0)
