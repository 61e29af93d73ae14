"""Figures, the machine they were measured on, and the table people read."""
