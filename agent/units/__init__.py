"""The units: what brings the project and gets it ready, and who waits for that.

Read unit, then all and the folders of its kinds, then setup, which carries them out, and waiting.
"""
