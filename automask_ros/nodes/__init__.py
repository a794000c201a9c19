"""ROS and nothing else: parameters, messages, threads. No tensor is touched here."""
