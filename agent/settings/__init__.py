"""What was asked for: the variables, how each is read, and the context made of them.

Read variable and parsers, the groups, everything, then context, which every part gets.
"""
