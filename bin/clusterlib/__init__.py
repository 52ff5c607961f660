"""The parts of bin/cluster; README.md in bin/ says which does what."""
