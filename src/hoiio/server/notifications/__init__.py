"""Telling the customer's server that a call ended: the body, its signature, its delivery."""
