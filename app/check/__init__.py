"""`docent check`: the specification's testing requirements against a service that is deployed."""
