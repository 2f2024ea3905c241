"""`docent doctor`: every cause of trouble that is known, looked for once, with its remedy."""
