"""What a process is made of.

How it joins a Ray cluster, log files, garbage collector and priority, files that are whole or absent. It may touch the operating system
and knows nothing of payments.
"""
