"""The feed of learning events that platforms push to us (1EdTech Caliper), and what is counted from it."""
