"""User, Role, Permission, Session: who somebody is and what they may do."""
