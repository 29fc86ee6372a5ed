"""Robots that react: rules turn EmotionArray into events, and events into actions."""
