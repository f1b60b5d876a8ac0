"""What holds beyond one random split: two protocols, simple models beside the network, seeds.

Not a stage of the pipeline, because it takes longer than everything else together: ``make study``
runs it on the tables that ``make repro`` left, and writes `docs/study.md`.
"""
