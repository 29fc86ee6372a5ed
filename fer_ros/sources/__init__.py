"""Where images come from when no camera driver publishes them."""
