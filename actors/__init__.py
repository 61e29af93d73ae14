"""What owns money and decides.

Shards of wallets, scorers, and the journal that both rest on. Processes are Ray actors; rooms on a lower floor know nothing of those
above them, and nothing here knows of HTTP.
"""
