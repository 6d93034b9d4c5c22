"""The service: answers the HTTP API and really places the calls over SIP.

Imports point one way: ``api -> calls -> {billing, engines, storage, notifications}``.
"""
