"""The one door to the platform: tokens, routing, the merged contract. It trusts nobody."""
