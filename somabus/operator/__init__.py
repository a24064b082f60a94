"""The operators' acts: what the humans who own the bus do, each signed, each in the audit.

An act is written into the audit first and done then: power gone in between leaves an entry for an act that did not
take place, never an act without an entry. A stop alone is done first.
"""
