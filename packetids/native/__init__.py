"""A reader of packet captures that needs no TShark and gives TShark 4.0's answers."""
