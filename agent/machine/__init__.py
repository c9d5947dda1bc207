"""The machine and what runs on it: files, programs, texts, and what the agent owns there.

`planning` has how files come about, and `system`, beside this, what a step may ask the machine;
`light` has how files are read and replaced, and all else that PID 1 and its log child may load; the
rest is small.
"""
