"""What a call costs: tariffs, talktime, charges and the ledger's arithmetic, as pure functions."""
