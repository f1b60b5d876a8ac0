"""Packet-level intrusion detection on BoT-IoT: the library under stages/ (ARCHITECTURE.md)."""
