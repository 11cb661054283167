"""The command line: parse, call, print, draw. No science here."""
