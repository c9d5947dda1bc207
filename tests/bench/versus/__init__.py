"""The same image, the same two services, started by others: what does the agent cost?"""
