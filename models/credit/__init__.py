"""Payment credit: the catalogue of features, a wallet's score, what-if, a made-up population.

Pure: times and seeds are arguments, tables come in and go out. It may use the scorecard and its evaluator, never a journal or a network.
"""
