"""What the script beside this folder imports."""
