"""rosbag2 recordings in and out, without a network and without ROS 2.

Reads folders and single files, mcap and sqlite3, plain and zstd-compressed, as ROS 2 Humble and
later write them, and whole files of other writers that hold CDR. Only some messages are held at a
time, so that a recording may have any size. Like the other adapters this one only moves CDR bytes.
"""

from fer_ros.transport.bag.reader import BagReader
from fer_ros.transport.bag.types import BagError, BagMessage, BagTopic
from fer_ros.transport.bag.writer import BagWriter

__all__ = ["BagError", "BagMessage", "BagReader", "BagTopic", "BagWriter"]
