"""Engines place calls: they speak SIP and carry the audio, and know nothing of accounts or money.

``protocol`` is what every engine understands and reports; each engine lives in a module of its own.
"""
