"""What is done to images: which parameters are drawn, and the pure functions that apply them."""
