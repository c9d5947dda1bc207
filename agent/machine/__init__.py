"""The machine and what runs on it: files, programs, texts, and what the agent owns there.

Read resources, actions, ledger and plan for how files come about; system for what a step may ask;
files and runtime for how they are read and replaced; commands, user_commands and follow for
programs; the rest is small. init and the log child load the light part alone
(tests/unit/test_architecture.py).
"""
