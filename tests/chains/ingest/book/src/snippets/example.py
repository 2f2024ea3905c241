def example():
    return "from a file"
