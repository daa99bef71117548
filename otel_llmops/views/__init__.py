"""Pictures as data, in the shapes that D3, Cytoscape and others read."""
