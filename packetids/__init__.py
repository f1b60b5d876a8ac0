"""Packet-level intrusion detection on BoT-IoT: the library under the stages (see ARCHITECTURE.md)."""
