"""The service for developers: the same rooms, with phones that are only pretended.

``shop`` is what its customers find there, ``clock`` a time that is moved by hand, ``world`` the
service inside a program of its user's, ``thread`` where that runs.
"""
