"""What the hosts offer: DNS, NTP, MQTT, web, SSH, FTP and a UDP sink, by Debian's own programs."""

import random
import subprocess
import time
from pathlib import Path

from testbed.topology import BY_NAME, HOSTS, Network, python_module

WEB_HOSTS = ("server", "web", "windows", "files")
PAGE_OCTETS = {"index": 900, "news": 6_000, "photo": 30_000, "update": 90_000}
UDP_SINK_PORT = 80
DOMAIN = "home.test"

WORDS = (
    "sensor door kitchen report budget meeting update garden lamp river window morning system "
    "number letter winter season market silver animal corner station energy signal paper"
).split()


def text(octets: int, name: str) -> bytes:
    """Write made-up prose of `octets` octets; the same for the same name."""
    rng = random.Random(name)
    words: list[str] = []
    size = 0
    while size <= octets:
        words.append(rng.choice(WORDS))
        size += len(words[-1]) + 1
    return " ".join(words).encode()[:octets]


def start_all(network: Network, seed: int) -> None:
    """Start every service and wait until they can be reached."""
    scratch = network.scratch
    _dns_and_ntp(network, scratch)
    _mqtt(network, scratch)
    _web(network, scratch, seed)
    _ssh(network, scratch)
    _ftp(network, scratch, seed)
    for name in ("server", "web"):
        network.start(BY_NAME[name], python_module("udp_sink", str(UDP_SINK_PORT)))
    time.sleep(1.5)


def _dns_and_ntp(network: Network, scratch: Path) -> None:
    gateway = BY_NAME["gateway"]
    names = [f"--address=/{host.name}.{DOMAIN}/{host.address}" for host in HOSTS]
    network.start(
        gateway,
        ["dnsmasq", "--keep-in-foreground", "--no-resolv", "--no-hosts", "--conf-file=/dev/null",
         "--user=root", "--bind-interfaces", f"--listen-address={gateway.address}",
         f"--pid-file={scratch / 'dnsmasq.pid'}", f"--local=/{DOMAIN}/", *names],
    )  # fmt: skip
    config = scratch / "chrony.conf"
    config.write_text(f"local stratum 8\nallow 192.168.100.0/24\nbindaddress {gateway.address}\n"
                      f"cmdport 0\npidfile {scratch / 'chronyd.pid'}\n")  # fmt: skip
    # -x: serve the time, never set it.
    network.start(gateway, ["chronyd", "-x", "-d", "-u", "root", "-f", str(config)])


def _mqtt(network: Network, scratch: Path) -> None:
    config = scratch / "mosquitto.conf"
    config.write_text("listener 1883 0.0.0.0\nallow_anonymous true\npersistence false\n"
                      "user root\n")  # fmt: skip
    network.start(BY_NAME["broker"], ["mosquitto", "-c", str(config)])


def _web(network: Network, scratch: Path, seed: int) -> None:
    root = scratch / "www"
    root.mkdir()
    for page, octets in PAGE_OCTETS.items():
        (root / f"{page}.html").write_bytes(text(octets, f"{seed}/page/{page}"))
    for name in WEB_HOSTS:
        config = scratch / f"nginx-{name}.conf"
        temporary = "".join(
            f"{kind}_temp_path {scratch}/{name}-{kind};"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        config.write_text(
            f"daemon off; user root; worker_processes 1; pid {scratch}/nginx-{name}.pid;"
            f"error_log {scratch}/nginx-{name}.log; events {{ worker_connections 2048; }}"
            f"http {{ access_log off; keepalive_timeout 5; {temporary}"
            f"server {{ listen 80; root {root}; index index.html; }} }}"
        )
        log = f"{scratch}/nginx-{name}.log"
        network.start(BY_NAME[name], ["nginx", "-e", log, "-c", str(config)])


def _ssh(network: Network, scratch: Path) -> None:
    for key in ("host_key", "user_key"):
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "testbed", "-f", scratch / key],
            check=True,
        )
    Path("/run/sshd").mkdir(exist_ok=True)  # sshd's own folder; it does not start without
    config = scratch / "sshd_config"
    config.write_text(
        f"Port 22\nHostKey {scratch / 'host_key'}\nAuthorizedKeysFile {scratch / 'user_key.pub'}\n"
        f"PidFile {scratch / 'sshd.pid'}\nStrictModes no\nPermitRootLogin prohibit-password\n"
        "PasswordAuthentication no\nUsePAM no\nSubsystem sftp internal-sftp\n"
    )
    network.start(BY_NAME["server"], ["/usr/sbin/sshd", "-D", "-f", str(config)])


def _ftp(network: Network, scratch: Path, seed: int) -> None:
    root = scratch / "ftp"
    (root / "pub").mkdir(parents=True)
    (root / "pub" / "manual.txt").write_bytes(text(25_000, f"{seed}/ftp"))
    empty = scratch / "vsftpd-empty"
    empty.mkdir()
    config = scratch / "vsftpd.conf"
    config.write_text(
        f"listen=YES\nlisten_ipv6=NO\nbackground=NO\nanonymous_enable=YES\nlocal_enable=NO\n"
        f"anon_root={root}\nsecure_chroot_dir={empty}\nseccomp_sandbox=NO\nxferlog_enable=NO\n"
        "pasv_min_port=40000\npasv_max_port=40100\nnopriv_user=nobody\nftp_username=ftp\n"
    )
    network.start(BY_NAME["files"], ["vsftpd", str(config)])
