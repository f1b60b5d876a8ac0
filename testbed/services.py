"""What the hosts offer: DNS, NTP, MQTT, web, SSH, FTP and UDP sinks, by Debian's programs."""

import subprocess
import time
from pathlib import Path

from testbed.hosts import BY_NAME, HOSTS, NETWORK
from testbed.network import Network, python_module
from testbed.tools.human import text

WEB_HOSTS = ("server", "web", "windows", "files", "cloud", "gateway")
PAGE_BYTES = {"index": 900, "news": 6_000, "photo": 30_000, "update": 90_000}
DOCUMENT_BYTES = (300, 700, 1_200, 2_500, 4_000, 6_000, 9_000, 14_000, 20_000, 30_000, 45_000,
                  60_000)  # fmt: skip
UDP_SINK_PORTS = (80, 443, 514, 5683)
UDP_SINK_HOSTS = ("server", "web")
SSH_HOSTS = ("server", "files", "backup")
PUSH_PORT, CHAT_PORT = 4444, 4433  # Metasploit's ports in BoT-IoT; here normal hosts use them too
DOMAIN = "home.test"


def start_all(network: Network, seed: int) -> None:
    """Start every service and wait until they can be reached."""
    scratch = network.scratch
    _keys_and_documents(scratch, seed)
    _dns_and_ntp(network, scratch)
    _mqtt(network, scratch)
    _web(network, scratch, seed)
    for name in SSH_HOSTS:
        network.start(BY_NAME[name], ["/usr/sbin/sshd", "-D", "-f", f"{scratch}/sshd_config"])
    _ftp(network, scratch, seed)
    for name in UDP_SINK_HOSTS:
        for port in UDP_SINK_PORTS:
            network.start(BY_NAME[name], python_module("tools.listener", "sink", f"{port}"))
    for name, port in (("cloud", PUSH_PORT), ("hub", CHAT_PORT)):
        network.start(BY_NAME[name], python_module("tools.listener", "tcp", f"{port}"))
    time.sleep(2.5)


def _keys_and_documents(scratch: Path, seed: int) -> None:
    for key in ("host_key", "user_key"):
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "testbed", "-f", scratch / key],
            check=True,
        )
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj",
         f"/CN={DOMAIN}", "-keyout", scratch / "key.pem", "-out", scratch / "certificate.pem"],
        check=True, capture_output=True,
    )  # fmt: skip
    (scratch / "key.pem").chmod(0o644)  # for services that give up root; it opens nothing else
    Path("/run/sshd").mkdir(exist_ok=True)  # sshd's own folder; it does not start without
    (scratch / "sshd_config").write_text(
        f"Port 22\nHostKey {scratch / 'host_key'}\nAuthorizedKeysFile {scratch / 'user_key.pub'}\n"
        "PidFile none\nStrictModes no\nPermitRootLogin prohibit-password\nMaxStartups 100\n"
        "PasswordAuthentication no\nUsePAM no\nSubsystem sftp internal-sftp\n"
    )
    for folder in ("documents", "got"):
        (scratch / folder).mkdir()
    for number, size_bytes in enumerate(DOCUMENT_BYTES):
        path = scratch / "documents" / f"{number}.txt"
        path.write_bytes(text(size_bytes, f"{seed}/documents/{number}"))


def _dns_and_ntp(network: Network, scratch: Path) -> None:
    gateway = BY_NAME["gateway"]
    names = [f"--address=/{host.name}.{DOMAIN}/{host.address}" for host in HOSTS]
    names += [f"--address=/{name}.{DOMAIN}/{BY_NAME[name].address_v6}" for name in WEB_HOSTS]
    network.start(
        gateway,
        ["dnsmasq", "--keep-in-foreground", "--no-resolv", "--no-hosts", "--conf-file=/dev/null",
         "--user=root", "--bind-interfaces", f"--listen-address={gateway.address}",
         f"--pid-file={scratch / 'dnsmasq.pid'}", f"--local=/{DOMAIN}/", *names],
    )  # fmt: skip
    config = scratch / "chrony.conf"
    config.write_text(f"local stratum 8\nallow {NETWORK}.0/24\nbindaddress {gateway.address}\n"
                      f"cmdport 0\npidfile {scratch / 'chronyd.pid'}\n")  # fmt: skip
    # -x: serve the time, never set it.
    network.start(gateway, ["chronyd", "-x", "-d", "-u", "root", "-f", str(config)])


def _mqtt(network: Network, scratch: Path) -> None:
    config = scratch / "mosquitto.conf"
    config.write_text(
        "per_listener_settings false\nallow_anonymous true\npersistence false\nuser root\n"
        "listener 1883\nlistener 8883\n"
        f"certfile {scratch / 'certificate.pem'}\nkeyfile {scratch / 'key.pem'}\n"
    )
    for name in ("broker", "cloud"):
        network.start(BY_NAME[name], ["mosquitto", "-c", str(config)])


def _web(network: Network, scratch: Path, seed: int) -> None:
    root = scratch / "www"
    root.mkdir()
    for page, size_bytes in PAGE_BYTES.items():
        (root / f"{page}.html").write_bytes(text(size_bytes, f"{seed}/page/{page}"))
    for name in WEB_HOSTS:
        config = scratch / f"nginx-{name}.conf"
        temporary = "".join(
            f"{kind}_temp_path {scratch}/{name}-{kind};"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        keys = f"ssl_certificate {scratch}/certificate.pem; ssl_certificate_key {scratch}/key.pem;"
        config.write_text(
            f"daemon off; user root; worker_processes 1; pid {scratch}/nginx-{name}.pid;"
            f"error_log {scratch}/nginx-{name}.log; events {{ worker_connections 2048; }}"
            f"http {{ access_log off; keepalive_timeout 5; {temporary}"
            "server { listen 80; listen [::]:80; listen 443 ssl; listen 8443 ssl;"
            f"{keys} root {root}; index index.html; error_page 405 =200 $uri; }} }}"
        )
        log = f"{scratch}/nginx-{name}.log"
        network.start(BY_NAME[name], ["nginx", "-e", log, "-c", str(config)])


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
