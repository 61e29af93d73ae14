"""From a table and an outcome to a scorecard and its report.

It may touch scikit-learn and matplotlib when training is asked for, and files never.
"""
