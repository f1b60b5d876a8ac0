"""One thin script per step of the paper, in the order of dvc.yaml; the work is in packetids."""
