"""How many waiting containers one node proxy carries: measured, and by a model."""
