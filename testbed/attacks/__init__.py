"""The attacks: one module each, all of one form.

A module has `SUBCATEGORIES`, the labels of its captures with the fewest and most bots of an
episode; `KINDS` by name, which the schedule deals to the rounds; and `NOVEL`, kinds that
only the novel round has. A kind takes an `orders.Draw` and returns the commands of one episode. A
new attack is one more module, named here; `captures/README.md` shows one.
"""

from types import ModuleType

from testbed.attacks import (
    exfiltration,
    http_flood,
    keylogging,
    os_fingerprint,
    service_scan,
    tcp_flood,
    udp_flood,
)

MODULES = (
    service_scan, os_fingerprint, tcp_flood, udp_flood, http_flood, exfiltration, keylogging,
)  # fmt: skip
ATTACKS: dict[str, ModuleType] = {
    subcategory: module for module in MODULES for subcategory in module.SUBCATEGORIES
}
