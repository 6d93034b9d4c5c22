"""Two programs that show the whole: ``make demo`` and ``make serve``.

They start what a user would start, by the same commands: two phones and a service, in a folder of
their own that is gone afterwards.
"""
