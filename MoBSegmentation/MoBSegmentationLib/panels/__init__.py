"""The parts of the panel: each takes the loaded ``.ui`` and its collaborators, and owns some of the widgets."""
