"""The course as we mirror it: members, line items, results, and the runs that brought them. LTI calls a course a
Context.
"""
