"""A fictional organisation, played through the public paths, for a first look and for tests. Never for real data."""
