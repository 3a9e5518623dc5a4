"""How the platform is put on a machine."""
