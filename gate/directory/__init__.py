"""The directory of people: who somebody is, whether active, and which roles they hold."""
