"""BLAKE2b without OpenSSL: ``hashlib`` loads it at import, which costs the user's program 2-5 ms."""

try:
    from _blake2 import blake2b
except ImportError:  # a Python built without it
    from hashlib import blake2b

__all__ = ["blake2b"]
