"""One member's claim to one achievement: evidence, evaluation, its life from proposal to revocation, and who may move
it.
"""
