"""The transport over rclpy."""
