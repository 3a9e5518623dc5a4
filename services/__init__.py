"""The programme's services and the three libraries beneath them."""
