"""Who may ask, how often and how much: what the doors' gate (`app.admission`) and each turn's (`Gate`) count."""
