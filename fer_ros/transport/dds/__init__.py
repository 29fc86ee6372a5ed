"""A ROS 2 node on Cyclone DDS alone, for machines without ROS 2."""
