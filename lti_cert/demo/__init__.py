"""A small LMS: an LTI 1.3 platform with a sample course, for `lti-cert demo` and as the other side of our tests.

It judges the tool from outside, so it shares none of the tool's LTI code. Unlike most LMSs it opens the whole
gradebook, read-only, over AGS, as Sakai can; so a certificate can rest on all graded work. All state is in memory and
ends with the process.
"""
