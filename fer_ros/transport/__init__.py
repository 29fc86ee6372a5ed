"""Adapters between the node and a middleware, behind one small protocol."""
