"""Payment credit: features of a wallet, its score with reasons, what would change it, a population.

Pure: times and seeds are arguments, tables come in and go out. It may use the scorecard and its evaluator, never a journal or a network.
"""
