"""The testbed's hosts: addresses and roles after BoT-IoT, and a TCP/IP stack for each.

Bots are .147 to .150, the victims .3, .5, .6 and .7 as in BoT-IoT, and the MQTT broker .20. The
kernel is one for all, so the settings that it keeps for each namespace make the differences: time
to live, receive window, TCP options, MTU, and the ports of outgoing connections.
"""

from dataclasses import dataclass

PREFIX = "packetids-"  # of every namespace; removing leftovers touches no other
NETWORK = "192.168.100"
NETWORK_V6 = "fd00:100::"  # unique local addresses (RFC 4193)

# What these ports carry may hold packets or open conversations, which the native reader reports as
# unsupported (docs/native-reader.md). No host chooses them for a connection, no scan tries them and
# no sweep of source ports passes them with data: both readers can read every embedded capture.
AVOIDED_PORTS = (
    "161,162,434,925,1701,2152,2268,3343,3386,3544,4306,4341,4342,4790,4791,5072,5094,5247,6118,"
    "6343,6633,6653,12000-12004,12220,12222,12223,17754-17756,30030,37008"
)


@dataclass(frozen=True)
class Stack:
    """What a host's TCP/IP stack shows on the wire."""

    ttl: int = 64
    receive_buffer_bytes: int = 131_072  # from which the first window follows
    timestamps: bool = True
    sack: bool = True
    scaling: bool = True
    mtu_bytes: int = 1500
    mss_bytes: int | None = None  # else what the MTU gives
    ports: tuple[int, int] = (32_768, 60_999)

    def sysctls(self) -> dict[str, str]:
        """Return the kernel's settings for the namespace."""
        low, high = self.ports
        return {
            "net.ipv4.ip_default_ttl": f"{self.ttl}",
            "net.ipv6.conf.all.hop_limit": f"{self.ttl}",
            "net.ipv6.conf.default.hop_limit": f"{self.ttl}",
            "net.ipv4.tcp_rmem": f"4096 {self.receive_buffer_bytes} 6291456",
            "net.ipv4.tcp_timestamps": f"{self.timestamps:d}",
            "net.ipv4.tcp_sack": f"{self.sack:d}",
            "net.ipv4.tcp_window_scaling": f"{self.scaling:d}",
            "net.ipv4.ip_local_port_range": f"{low} {high}",
            "net.ipv4.ip_local_reserved_ports": AVOIDED_PORTS,
        }


LINUX = Stack()
OLD_LINUX = Stack(receive_buffer_bytes=11_680, timestamps=True)
WINDOWS = Stack(128, 131_072, timestamps=False, ports=(49_152, 65_535))
OLD_WINDOWS = Stack(128, 16_384, False, True, False, ports=(49_152, 65_535))
PHONE = Stack(64, 262_144, mtu_bytes=1492, ports=(49_152, 65_535))
DEVICE = Stack(255, 11_680, False, False, False, mss_bytes=536, ports=(49_152, 57_343))
SMALL_DEVICE = Stack(255, 4_096, False, False, False, 1400, 1_360, (42_000, 44_800))
DEVICE_LINUX = Stack(64, 29_200, True, True, False, 1492)


@dataclass(frozen=True)
class Host:
    """One machine of the testbed."""

    name: str
    last_octet: int
    role: str
    stack: Stack = LINUX

    @property
    def namespace(self) -> str:
        """Return the name of its network namespace."""
        return PREFIX + self.name

    @property
    def address(self) -> str:
        """Return its IPv4 address."""
        return f"{NETWORK}.{self.last_octet}"

    @property
    def address_v6(self) -> str:
        """Return its IPv6 address; bots have only a link-local one."""
        return f"{NETWORK_V6}{self.last_octet:x}"

    @property
    def mac(self) -> str:
        """Return its Ethernet address, in VMware's range as in BoT-IoT."""
        return f"00:50:56:be:00:{self.last_octet:02x}"


HOSTS = (
    Host("gateway", 1, "DNS, NTP, the router's page", DEVICE_LINUX),
    Host("server", 3, "victim: web, SSH, UDP sinks"),
    Host("desktop", 4, "workstation", WINDOWS),
    Host("web", 5, "victim: web, UDP sinks", OLD_LINUX),
    Host("windows", 6, "victim: web, a person's machine", OLD_WINDOWS),
    Host("files", 7, "victim: FTP, web", Stack(64, 29_200)),
    Host("broker", 20, "victim: MQTT"),
    Host("weather", 21, "IoT: weather station", DEVICE),
    Host("fridge", 22, "IoT: smart fridge", DEVICE_LINUX),
    Host("thermostat", 23, "IoT: smart thermostat", SMALL_DEVICE),
    Host("garage", 24, "IoT: remotely controlled garage door", DEVICE),
    Host("lights", 25, "IoT: smart lights", SMALL_DEVICE),
    Host("camera", 26, "IoT: camera", DEVICE_LINUX),
    Host("hub", 27, "smart-home hub"),
    Host("phone", 28, "a person's phone", PHONE),
    Host("laptop", 29, "a person's laptop", WINDOWS),
    Host("tablet", 30, "a person's tablet", PHONE),
    Host("television", 31, "IoT: television", DEVICE_LINUX),
    Host("printer", 32, "IoT: printer", DEVICE),
    Host("backup", 33, "copies of files, by SSH"),
    Host("cloud", 40, "updates, push messages, MQTT over TLS", Stack(255, 65_536, mtu_bytes=1460)),
    Host("generator", 46, "constant-rate flows", OLD_WINDOWS),
    Host("generator-2", 55, "constant-rate flows", OLD_LINUX),
    Host("bot-147", 147, "bot"),
    Host("bot-148", 148, "bot", OLD_LINUX),
    Host("bot-149", 149, "bot", WINDOWS),
    Host("bot-150", 150, "bot", Stack(64, 29_200, mtu_bytes=1492)),
)
BY_NAME = {host.name: host for host in HOSTS}
BOTS = tuple(host for host in HOSTS if host.role == "bot")
VICTIMS = tuple(host for host in HOSTS if host.role.startswith("victim"))
