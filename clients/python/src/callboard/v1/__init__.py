"""What is generated from Callboard's own .proto files."""
