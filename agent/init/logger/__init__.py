"""The log child: takes the lines of all streams, masks secrets, writes them to the one output."""
