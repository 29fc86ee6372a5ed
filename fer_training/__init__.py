"""Where the weights of ``fer_ros`` come from: networks, recipes, evaluation and export."""
