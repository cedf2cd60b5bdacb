"""What users write -> checked values: names, sizes, padding, dtypes, dimension numbers."""
