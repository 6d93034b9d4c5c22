"""Storage keeps what must survive: accounts, calls, money and notifications, in SQL.

``protocol`` says what the rest of the service may ask; every method is one durable transaction.
"""
