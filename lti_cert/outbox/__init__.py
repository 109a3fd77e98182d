"""Side effects that survive a crash: rows written with the decision, handed to RQ by a relay, run by workers. The
only importer of RQ.
"""
