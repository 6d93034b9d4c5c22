"""The embedded engine: SIP, RTP and mixing in a supervised child process, from one pip wheel.

``engine`` is what the service holds: it starts the child, hands it commands and survives its death.
The child (``child``) runs the SIP stack and a switchboard of legs on one event loop, and the mixer
on a thread of its own; ``messages`` is the pipe between the two. ``routing``, ``mixing`` and
``tones`` are pure.

Nothing is imported here, or the child would load the service's side, ``engine``, with it.
"""
