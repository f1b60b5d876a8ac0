"""BoT-IoT's testbed rebuilt in Linux network namespaces: real tools, no route out (README)."""
